"""Audit entries as a person reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model

from accounts.models import AuditEntry


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one change; "" where there was, or is, nothing."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    who: str
    door: str
    action: str
    differences: list[Difference]


def history_of(row: Model, *, newest: int) -> list[Line]:
    """The newest entries about a row, newest first."""
    entries = AuditEntry.objects.filter(table=row._meta.model_name, row_id=row.pk).order_by("-id")
    return [line(entry) for entry in entries[:newest]]


def line(entry: AuditEntry) -> Line:
    return Line(entry.at, entry.actor_login, entry.door, entry.action, differences(entry))


def differences(entry: AuditEntry) -> list[Difference]:
    before, after = entry.before or {}, entry.after or {}
    names = [*before, *(name for name in after if name not in before)]
    said = [Difference(name, _words(before.get(name)), _words(after.get(name))) for name in names]
    return [difference for difference in said if difference.before != difference.after]


def _words(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
