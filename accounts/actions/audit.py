"""Write history: one entry per committed change, in the transaction of the change."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from django.db import models

from accounts.actor import Actor
from accounts.gathering import Gathering
from accounts.models import AuditEntry
from accounts.prepared import Insert

_append = Insert(AuditEntry)
_entries = Gathering(_append)


def record(
    action: str,
    row: models.Model,
    *,
    by: Actor,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Append the entry of a change to `row`. `before` and `after` hold the fields that changed, never a secret."""
    _entries(_entry(action, row._meta.model_name or "", row.pk, by=by, before=before, after=after))


def together() -> AbstractContextManager[None]:
    """Within a transaction: what is recorded inside the block is appended at its end, by one statement."""
    return _entries.together()


def record_all(action: str, table: str, changes: dict[int, dict[str, Any]], *, by: Actor) -> None:
    """As `record`, for many rows of a table at once. changes: what each row became, by its id."""
    _append(*(_entry(action, table, row_id, by=by, before=None, after=after) for row_id, after in changes.items()))


def _entry(
    action: str, table: str, row_id: int, *, by: Actor, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> AuditEntry:
    return AuditEntry(
        actor=by.access,
        actor_login=by.login,
        door=by.door,
        action=action,
        table=table,
        row_id=row_id,
        before=before,
        after=after,
        request_id=by.request_id,
    )
