"""What nobody does for a job any more is done here: every few seconds, by any number of hosts at once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from curation.actions import chores
from curation.actions.announce import announce, unheard
from curation.actions.leases import ATTEMPTS_MAX, pause
from curation.models import Job, Worker

log = logging.getLogger(__name__)

EVERY = 15.0  # seconds between two sweeps of a worker
LOST_AFTER = timedelta(minutes=5)  # a message that old is sent again
QUEUE_MAX = 1000  # messages: a longer queue needs no more of them, and one sweep sends no more
KEPT = timedelta(days=30)  # finished jobs
SLICE, SLICES = 1000, 20  # rows that go in one statement, and statements of one sweep
SENTENCE = "Its worker ended while it ran."
State = Job.State


@dataclass(slots=True)
class Swept:
    """How many jobs."""

    taken_back: int = 0  # their worker ended; they wait again
    dead: int = 0  # their worker ended for the last time
    sent: int = 0
    purged: int = 0


def sweep() -> Swept:
    """Take back abandoned jobs, send lost messages again, forget what finished long ago."""
    now = timezone.now()
    swept = Swept(*_take_back(now))
    chores.put_due(now)
    if settings.REDIS_URL:
        swept.sent = _send_lost(now)
    swept.purged = _purge(now - KEPT)
    if swept != Swept():
        log.info(
            "Swept: %s taken back, %s dead, %s sent again, %s purged.",
            *(swept.taken_back, swept.dead, swept.sent, swept.purged),
        )
    return swept


def _take_back(now: datetime) -> tuple[int, int]:
    abandoned = Job.objects.abandoned(now)
    ended = {"lease": "", "lease_until": None, "error": SENTENCE}
    back = 0
    for attempts in range(1, ATTEMPTS_MAX):
        waits = {"state": State.WAITING, "not_before": now + pause(attempts), "sent_at": None}
        back += abandoned.filter(attempts=attempts).update(**waits, **ended)
    dead = abandoned.filter(attempts__gte=ATTEMPTS_MAX).update(state=State.DEAD, finished_at=now, **ended)
    return back, dead


def _send_lost(now: datetime) -> int:
    """Send the messages of due jobs that were never sent, or were so long ago that they may be lost.

    Only while the queue is short: what waits in a long one is not lost.
    """
    waiting = unheard()
    if waiting is None or waiting >= QUEUE_MAX:
        return 0
    due = Job.objects.due(now).unsent(now - LOST_AFTER).order_by("not_before", "pk")
    ids = list(due.values_list("pk", flat=True)[: QUEUE_MAX - waiting])
    if not ids or not announce(ids):
        return 0
    return Job.objects.filter(pk__in=ids).update(sent_at=now)


def _purge(before: datetime) -> int:
    Worker.objects.filter(seen_at__lt=before).delete()
    purged = 0
    for _ in range(SLICES):
        old = Job.objects.finished_before(before).order_by("finished_at").values_list("pk", flat=True)[:SLICE]
        count, _by_table = Job.objects.filter(pk__in=list(old)).delete()
        purged += count
        if count < SLICE:
            break
    return purged
