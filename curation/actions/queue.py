"""Work to do after a commit: a row, written with what it follows from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actor import Actor
from accounts.gathering import Gathering
from accounts.prepared import Insert
from curation.actions.announce import announce
from curation.models import Job

Noted = list[tuple[str, str]]  # kind and key of jobs
_write = Gathering(Insert(Job, skips_known=True))
_noted: ContextVar[Noted | None] = ContextVar("noted", default=None)


def put(
    kind: str, key: str, payload: dict[str, Any] | None = None, *, by: Actor, delay: timedelta | None = None
) -> None:
    """Within the transaction that makes the work necessary: note it. One job that waits already is enough.

    key: names what the job is about so exactly that a job which runs already need not be run again.
    """
    _write(
        Job(
            kind=kind,
            key=key,
            payload=payload or {},
            requested_by=by.access,
            not_before=timezone.now() + (delay or timedelta(0)),
            sent_at=None if delay else announce_after_commit(kind, key),
        )
    )


def gathered() -> AbstractContextManager[None]:
    """Within a transaction: jobs that are put inside the block are inserted at its end, by one statement."""
    return _write.together()


def announce_after_commit(kind: str, key: str) -> datetime | None:
    """Let whoever runs jobs hear of this one after the commit; return what belongs into its `sent_at`."""
    transaction.on_commit(partial(_committed, kind, key), robust=True)
    return timezone.now() if settings.REDIS_URL else None


@contextmanager
def noting() -> Iterator[Noted]:
    """Collects the jobs that are committed inside, where no broker hears of them."""
    noted: Noted = []
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def _committed(kind: str, key: str) -> None:
    noted = _noted.get()
    if settings.REDIS_URL:
        _send(kind, key)
    elif noted is not None:
        noted.append((kind, key))


def _send(kind: str, key: str) -> None:
    """Tell the broker; what it does not hear now the sweeper tells it later."""
    waiting = Job.objects.filter(kind=kind, key=key, state=Job.State.WAITING)
    for job_id in waiting.values_list("pk", flat=True):
        if not announce([job_id]):
            waiting.filter(pk=job_id).update(sent_at=None)


def put_many(kind: str, payloads: dict[str, dict[str, Any]], *, by: Actor) -> None:
    """As `put`, for many jobs of a kind at once. payloads: by the keys of the jobs."""
    now = timezone.now()
    jobs = (
        Job(
            kind=kind,
            key=key,
            payload=payload,
            requested_by=by.access,
            not_before=now,
            sent_at=announce_after_commit(kind, key),
        )
        for key, payload in payloads.items()
    )
    _write(*jobs)
