"""What a person decides about a job."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actions.audit import record
from accounts.actor import Actor
from accounts.refusals import Conflict
from curation.actions.queue import announce_after_commit
from curation.models import Job

State = Job.State
OVER = (State.FAILED, State.DEAD, State.CANCELLED)
OPEN = (State.WAITING, State.RUNNING)


def retry(job: Job, *, by: Actor) -> None:
    """Let a job that failed, died or was cancelled begin anew. Raises Conflict."""
    if job.state not in OVER:
        raise Conflict(f"A job that is {job.state} is not tried again.")
    try:
        with transaction.atomic():
            sent = announce_after_commit(job.kind, job.key)
            anew = {"attempts": 0, "not_before": timezone.now(), "finished_at": None, "sent_at": sent}
            _turn(job, action="job.retry", by=by, state=State.WAITING, **anew)
    except IntegrityError as error:
        raise Conflict("The same work waits or runs already, as a job of its own.") from error


def cancel(job: Job, *, by: Actor) -> None:
    """End a job that waits or runs: a running one stops at its next step. Raises Conflict."""
    if job.state not in OPEN:
        raise Conflict(f"A job that is {job.state} is not cancelled.")
    with transaction.atomic():
        ended = {"finished_at": timezone.now(), "lease": "", "lease_until": None}
        _turn(job, action="job.cancel", by=by, state=State.CANCELLED, **ended)


def _turn(job: Job, *, action: str, by: Actor, **columns: Any) -> None:
    """From the state that was looked at, and no other."""
    before = job.state
    if not Job.objects.filter(pk=job.pk, state=before).update(**columns):
        raise Conflict("The job's state has changed meanwhile; look again.")
    job.refresh_from_db()
    record(action, job, by=by, before={"state": before}, after={"state": job.state})
