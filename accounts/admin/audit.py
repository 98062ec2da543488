"""What was changed, by whom, by which door. Read only, for everybody."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from accounts.admin.base import Page, asking
from accounts.admin.fields import when
from accounts.admin.lists import Searched, choice_filter
from accounts.ids import LARGEST_ID
from accounts.models import AuditEntry
from accounts.scopes import Sees

DOORS = [(door, door) for door in ("api", "admin", "command", "job")]
PLACES = {  # table -> app of its page
    "access": "accounts",
    "apitoken": "accounts",
    "organisation": "accounts",
    "media": "curation",
    "annotation": "curation",
    "job": "curation",
    "upload": "curation",
    "label": "curation",
    "mapping": "curation",
    "camera": "curation",
    "view": "curation",
    "sequence": "curation",
    "collection": "curation",
}
ACTIONS = [
    (name, name)
    for name in (
        "access.create", "access.adopt", "access.password", "access.scope", "access.active", "access.view",
        "access.delete",
        "token.create", "token.revoke", "organisation.create", "organisation.rename", "import.create",
        "media.create", "media.adopt", "media.upload", "media.describe", "media.derive", "media.type",
        "media.free", "media.delete",
        "annotation.create", "annotation.adopt", "annotation.upload", "annotation.move", "annotation.delete",
        "annotation.edit", "annotation.accept", "annotation.restore", "annotation.import", "annotation.read",
        "annotation.export",
        "upload.cancel", "label.create", "label.rename", "label.retire", "mapping.create",
        "job.retry", "job.cancel",
        "collection.create", "collection.describe", "collection.items", "collection.freeze", "collection.delete",
        "camera.create", "camera.describe", "view.create", "view.turn", "view.merge", "view.absorb", "view.undo",
        "view.release", "sequence.create", "sequence.split", "sequence.rename", "sequence.merge", "sequence.absorb",
        "sequence.undo", "sequence.release",
    )
]  # fmt: skip


@admin.register(AuditEntry)
class AuditEntryAdmin(Searched, Page):
    list_display = (when("at"), "who", "door", "action", "row")
    list_filter = (
        choice_filter("door", DOORS),
        choice_filter("table", [(table, table) for table in PLACES]),
        choice_filter("action", ACTIONS),
    )
    list_display_links = (when("at"),)
    search_fields = ("actor_login",)
    search_help_text = "The number of a row, or the beginning of a login"
    fields = (when("at"), "who", "door", "action", "row", "request_id", "was", "became")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Everything for who sees everything; for anybody else what they did themselves."""
        access, entries = asking(request), AuditEntry.objects.all()
        return entries if access.sees == Sees.ALL else entries.filter(actor=access)

    def found(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        about = Q(actor_login__startswith=term)
        if term.isascii() and term.isdigit() and int(term[:20]) <= LARGEST_ID:
            about |= Q(table__in=PLACES, row_id=int(term[:20]))
        return queryset.filter(about)

    @admin.display(description="who")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor_login or f"({entry.door})"

    @admin.display(description="row")
    def row(self, entry: AuditEntry) -> str:
        words = f"{entry.table} {entry.row_id}"
        try:
            place = reverse(f"admin:{PLACES.get(entry.table, '')}_{entry.table}_change", args=[entry.row_id])
        except NoReverseMatch:
            return words
        return format_html('<a href="{}">{}</a>', place, words)

    @admin.display(description="before")
    def was(self, entry: AuditEntry) -> str:
        return _readable(entry.before)

    @admin.display(description="after")
    def became(self, entry: AuditEntry) -> str:
        return _readable(entry.after)


def _readable(value: Any) -> str:
    if value is None:
        return "–"
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))
