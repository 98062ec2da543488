"""Who runs cameras or curates. For admins."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts.actions.audit import record
from accounts.admin.base import ActionForm, Page, actor
from accounts.admin.fields import when
from accounts.models import Organisation
from accounts.names import fold
from accounts.refusals import Conflict, Invalid


class OrganisationForm(ActionForm):
    name = forms.CharField(max_length=100)


@admin.register(Organisation)
class OrganisationAdmin(Page):
    """Named and renamed here; never deleted, because history and pictures carry its name."""

    form = add_form = OrganisationForm
    list_display = ("name", when("created_at"))
    search_fields = ("name",)
    fields = ("name",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def perform(self, request: HttpRequest, row: Organisation | None, form: Any) -> Organisation:
        name = form.cleaned_data["name"]
        if not fold(name) or len(fold(name)) > 100:
            raise Invalid("A name has 1 to 100 characters.", "body", "name")
        before = None if row is None else {"name": row.name}
        action = "organisation.create" if row is None else "organisation.rename"
        organisation = row or Organisation()
        organisation.name = name
        try:
            with transaction.atomic():
                organisation.save()
                record(action, organisation, by=actor(request), before=before, after={"name": name})
        except IntegrityError as error:
            raise Conflict(f"An organisation named {name} (or one that reads alike) exists already.") from error
        return organisation
