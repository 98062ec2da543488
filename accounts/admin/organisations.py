"""Who runs cameras or curates. For admins."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.actions import organisations
from accounts.admin.base import ActionForm, Page, actor
from accounts.admin.fields import when
from accounts.admin.lists import Searched
from accounts.models import Organisation
from accounts.names import fold


class OrganisationForm(ActionForm):
    name = forms.CharField(max_length=100)


@admin.register(Organisation)
class OrganisationAdmin(Searched, Page):
    """Named and renamed here; never deleted, because history and pictures carry its name."""

    form = add_form = OrganisationForm
    list_display = ("name", when("created_at"))
    search_fields = ("name",)
    search_help_text = "The beginning of a name"
    fields = ("name",)

    def found(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        return queryset.filter(name_folded__startswith=fold(term))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def perform(self, request: HttpRequest, row: Organisation | None, form: Any) -> Organisation:
        name, by = form.cleaned_data["name"], actor(request)
        return organisations.create(name, by=by) if row is None else organisations.rename(row, name, by=by)
