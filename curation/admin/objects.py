"""The ledger of stored objects. Read only: the actions write it, the collector tidies it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from accounts.admin.base import Page, asking
from accounts.admin.fields import when
from accounts.admin.lists import Searched, choice_filter
from accounts.scopes import Sees
from curation.admin.integrity import integrity, lost_objects
from curation.admin.media import DIGEST_PART, in_words
from curation.models import StoredObject

LOOKED_AT = 1_000  # newest objects, whose states are counted


@admin.register(StoredObject)
class StoredObjectAdmin(Searched, Page):
    list_display = ("key", "state", "size_in_words", "content_type", when("created_at"), when("verified_at"))
    list_filter = (choice_filter("state", StoredObject.State.choices),)
    search_fields = ("key",)
    search_help_text = "A key, or the beginning of a SHA-256"
    change_list_template = "admin/curation/storedobject/change_list.html"
    fields = (
        "key", "state", "size_in_words", "content_type", "sha256", when("created_at"), when("touched_at"),
        when("verified_at"), when("lease_until"), when("hold_until"),
    )  # fmt: skip
    readonly_fields = fields

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Objects belong to nobody: only who sees everything sees them."""
        return asking(request).sees == Sees.ALL and super().has_view_permission(request, obj)

    def found(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        if DIGEST_PART.fullmatch(term.lower()):
            return queryset.filter(sha256__startswith=term.lower())
        return queryset.filter(key=term)

    @admin.display(description="size")
    def size_in_words(self, row: StoredObject) -> str:
        return in_words(row.size)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.integrity_view)
        return [path("integrity/", page, name="curation_storedobject_integrity"), *super().get_urls()]

    def integrity_view(self, request: HttpRequest) -> HttpResponse:
        """When the store was last read, and what is lost."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": "Integrity of the store",
            "opts": self.opts,
            "integrity": integrity(),
            "lost": lost_objects(request),
        }
        return TemplateResponse(request, "admin/curation/storedobject/integrity.html", context)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        states = StoredObject.objects.order_by("-id").values_list("state", flat=True)[:LOOKED_AT]
        counted = Counter(states)
        extra = {
            "states": [(label, counted[value]) for value, label in StoredObject.State.choices],
            "looked_at": sum(counted.values()),
            "not_all": sum(counted.values()) == LOOKED_AT,
        }
        return super().changelist_view(request, extra | (extra_context or {}))
