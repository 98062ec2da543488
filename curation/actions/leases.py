"""Who works on a job. Every step is one UPDATE that names the state it expects; no lock is held.

A worker holds a lease and renews it while it works. One that lost its lease changes nothing any more.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from curation.models import Job, Worker
from curation.models.job import JobQuerySet

LEASE = timedelta(seconds=60)
ATTEMPTS_MAX = 5
OUTAGE = timedelta(days=1)  # the store, or room on the disk, may be missed for so long
ERROR_MAX = 1000  # characters that are kept
FIRST_PAUSE, FACTOR = 10.0, 4.0  # seconds after the first failure: 10, 40, 160, 640
State = Job.State


def pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts: exponential, with half of it left to chance."""
    return timedelta(seconds=FIRST_PAUSE * FACTOR ** (attempts - 1) * random.uniform(0.5, 1.0))  # noqa: S311


def claim(
    kinds: Iterable[str], *, job_id: int | None = None, first_try_of: tuple[str, str] | None = None
) -> Job | None:
    """Take the oldest due job of these kinds, or None. Safe when many workers ask at once.

    job_id: that one alone. first_try_of: the one of this kind and key, unless it was tried before.
    """
    due = Job.objects.due(timezone.now()).filter(kind__in=list(kinds))
    if job_id is not None:
        due = due.filter(pk=job_id)
    if first_try_of is not None:
        due = due.filter(kind=first_try_of[0], key=first_try_of[1], attempts=0)
    return _take(due)


def _take(due: JobQuerySet) -> Job | None:
    """Whoever changes the row first has it; the others see that nothing changed, and look again."""
    while job := due.order_by("not_before", "pk").first():
        now, lease = timezone.now(), secrets.token_hex(16)
        won = due.filter(pk=job.pk).update(
            state=State.RUNNING,
            attempts=F("attempts") + 1,
            lease=lease,
            lease_until=now + LEASE,
            started_at=now,
            done=0,
            total=None,
        )
        if won:
            job.refresh_from_db()
            return job
    return None


def renew(job: Job, **progress: Any) -> bool:
    """Hold on to the job for another LEASE; False when it was cancelled or belongs to somebody else by now."""
    return bool(_held(job).update(lease_until=timezone.now() + LEASE, **progress))


def _held(job: Job) -> JobQuerySet:
    held: JobQuerySet = Job.objects.filter(pk=job.pk, state=State.RUNNING, lease=job.lease)
    return held


# --- How an attempt ends: each returns whether it was still ours to say ---------------------------------


def finish(job: Job, **progress: Any) -> bool:
    return _end(job, State.DONE, error="", **progress)


def fail(job: Job, sentence: str) -> bool:
    """Its input is at fault: trying again would change nothing."""
    return _end(job, State.FAILED, error=sentence[:ERROR_MAX])


def put_off(job: Job, sentence: str) -> bool:
    """Try again after a pause, or give up after ATTEMPTS_MAX."""
    if job.attempts >= ATTEMPTS_MAX:
        return _end(job, State.DEAD, error=sentence[:ERROR_MAX])
    return _wait(job, error=sentence[:ERROR_MAX], not_before=timezone.now() + pause(job.attempts))


def wait_out(job: Job, sentence: str) -> bool:
    """The moment is wrong and not the job: an outage does not use up its attempts, unless it lasts for OUTAGE."""
    if timezone.now() - job.created_at > OUTAGE:
        return put_off(job, sentence)
    attempts = min(job.attempts, ATTEMPTS_MAX - 1)
    not_before = timezone.now() + pause(attempts)
    return _wait(job, attempts=attempts, error=sentence[:ERROR_MAX], not_before=not_before)


def hand_back(job: Job) -> bool:
    """Somebody else may have it at once, and this attempt does not count."""
    return _wait(job, attempts=F("attempts") - 1, not_before=timezone.now())


def _end(job: Job, state: str, **columns: Any) -> bool:
    return bool(_held(job).update(state=state, lease="", lease_until=None, finished_at=timezone.now(), **columns))


def _wait(job: Job, **columns: Any) -> bool:
    return bool(_held(job).update(state=State.WAITING, lease="", lease_until=None, sent_at=None, **columns))


# --- Workers ------------------------------------------------------------------------------------------


def alive(worker: str) -> None:
    """Note that this worker lives."""
    Worker.objects.bulk_create(
        [Worker(name=worker, seen_at=timezone.now())],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["seen_at"],
    )


def seconds_since_a_worker(now: datetime) -> float | None:
    """How long ago any worker gave a sign of life; None: never."""
    seen = Worker.objects.last_seen()
    return None if seen is None else max(0.0, (now - seen).total_seconds())
