"""Write history: one entry per committed change, in the transaction of the change."""

from __future__ import annotations

from typing import Any

from django.db import models

from accounts.actor import Actor
from accounts.models import AuditEntry


def record(
    action: str,
    row: models.Model,
    *,
    by: Actor,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEntry:
    """Append the entry of a change to `row`. `before` and `after` hold the fields that changed, never a secret."""
    entry: AuditEntry = AuditEntry.objects.create(
        actor=by.access,
        actor_login=by.login,
        door=by.door,
        action=action,
        table=row._meta.model_name or "",
        row_id=row.pk,
        before=before,
        after=after,
        request_id=by.request_id,
    )
    return entry
