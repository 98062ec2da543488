"""Work to do after a commit: a row, written with what it follows from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.actor import Actor
from curation.models import Job


def put(
    kind: str, key: str, payload: dict[str, Any] | None = None, *, by: Actor, delay: timedelta | None = None
) -> None:
    """Within the transaction that makes the work necessary: note it. One job that waits already is enough.

    key: names what the job is about so exactly that a job which runs already need not be run again.
    """
    job = Job(
        kind=kind,
        key=key,
        payload=payload or {},
        requested_by=by.access,
        not_before=timezone.now() + (delay or timedelta(0)),
    )
    Job.objects.bulk_create([job], ignore_conflicts=True)
