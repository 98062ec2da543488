"""The audit entries of a batch: one for each row, as for every committed change, but written at once."""

from __future__ import annotations

from typing import Any

from accounts.actor import Actor
from accounts.models import AuditEntry

ACTION = "adopt"


def write(table: str, changes: dict[int, dict[str, Any]], *, by: Actor) -> None:
    """Append `<table>.adopt` for each row, within a transaction of the caller. changes: columns by row id."""
    AuditEntry.objects.bulk_create(
        AuditEntry(
            actor=by.access,
            actor_login=by.login,
            door=by.door,
            action=f"{table}.{ACTION}",
            table=table,
            row_id=row_id,
            after=after,
            request_id=by.request_id,
        )
        for row_id, after in changes.items()
    )
