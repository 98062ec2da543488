"""Media that are ticked in their list, or all that its filters find, put into a list or taken out of one."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from accounts.admin.base import Page, actor, asking
from accounts.models import Access
from accounts.refusals import Refusal
from curation.actions import collections
from curation.models import Collection, Media

LISTS_SHOWN = 500  # the newest ones that are open
NEW = ""  # instead of the number of a list


class CollectForm(forms.Form):
    """Which list. add: it may be a new one."""

    into = forms.ChoiceField(label="List", required=False)
    name = forms.CharField(label="Name of the new list", max_length=100, required=False)

    def __init__(self, *args: Any, access: Access, add: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lists = {str(row.pk): row for row in open_lists(access)[:LISTS_SHOWN]}
        known = [
            (pk, f"{row} ({row.organisation})" if row.organisation else str(row)) for pk, row in self.lists.items()
        ]
        into: Any = self.fields["into"]
        into.choices = [(NEW, "a new list"), *known] if add else known
        if not add:
            del self.fields["name"]

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = self.cleaned_data
        if bool(told.get("into")) is bool(told.get("name", "").strip()) and not self.errors:
            raise forms.ValidationError("Choose a list, or name a new one.")
        return told


def open_lists(access: Access) -> QuerySet[Collection]:
    """Those that curators fill: neither searches nor frozen."""
    rows = Collection.objects.visible_to(access).filter(query__isnull=True, frozen_at=None)
    return rows.select_related("organisation").order_by("-id")


class CollectingPage(Page):
    """Adds both actions to the list of media."""

    actions = ("add_to_list", "remove_from_list")
    across: ClassVar[frozenset[str]] = frozenset(actions)

    def has_collect_permission(self, request: HttpRequest) -> bool:
        return asking(request).has_perm("curation.change_collection")

    @admin.action(description="Add to a list", permissions=["collect"])
    def add_to_list(self, request: HttpRequest, queryset: QuerySet[Media]) -> HttpResponse | None:
        form = self._form(request, add=True)
        if form.is_bound and form.is_valid():
            into: Any = form.lists.get(form.cleaned_data["into"]) or form.cleaned_data["name"]
            try:
                collection, count = collections.add_found(into, queryset, by=actor(request))
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                self._done(request, f"{count} media came into", collection)
                return None
        return self._ask(request, queryset, form, "Add to a list", "Add them")

    @admin.action(description="Remove from a list", permissions=["collect"])
    def remove_from_list(self, request: HttpRequest, queryset: QuerySet[Media]) -> HttpResponse | None:
        form = self._form(request, add=False)
        if form.is_bound and form.is_valid():
            collection = form.lists[form.cleaned_data["into"]]
            try:
                count = collections.remove_found(collection, queryset, by=actor(request))
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                self._done(request, f"{count} media went out of", collection)
                return None
        return self._ask(request, queryset, form, "Remove from a list", "Remove them")

    def _form(self, request: HttpRequest, *, add: bool) -> CollectForm:
        return CollectForm(request.POST if "collect" in request.POST else None, access=asking(request), add=add)

    def _done(self, request: HttpRequest, words: str, collection: Collection) -> None:
        """Said on the page on which the rows were ticked, which is shown again."""
        address = reverse("admin:curation_collection_change", args=[collection.pk])
        messages.success(request, format_html('{} <a href="{}">{}</a>.', words, address, collection))

    def _ask(
        self, request: HttpRequest, queryset: QuerySet[Media], form: CollectForm, title: str, button: str
    ) -> HttpResponse:
        most = collections.FOUND_MAX
        count = queryset.order_by("pk").values("pk").distinct()[: most + 1].count()
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "form": form,
            "count": f"{count:,}",
            "too_many": count > most and f"{most:,}",
            "button": button,
            "address": request.get_full_path(),
            "action": request.POST.getlist("action")[0],
            "across": request.POST.get("select_across", "0"),
            "ticked": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/curation/media/collect.html", context)
