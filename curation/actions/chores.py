"""What is to be done from time to time without anybody asking: put as jobs by whoever sweeps.

A chore of a period is put once, under the moment the period began: a job of that name that exists, in whatever
state, is that chore. A period during which nothing swept is left out, and never made up for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actor import Actor
from accounts.refusals import Busy
from curation.actions import leftovers, queue
from curation.actions.alone import NotAlone
from curation.actions.collect import collect
from curation.actions.refusing import store_errors
from curation.actions.scrub import scrub
from curation.actions.working import Work
from curation.models import Job

BY = Actor(access=None, door="job")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Chore:
    """kind: of the job. every: how often. at: moment within the period, in UTC."""

    kind: str
    every: timedelta
    at: timedelta = timedelta(0)

    def period(self, now: datetime) -> str:
        """Names the period that `now` lies in, by the moment when it began."""
        began = now - (now - self.at - EPOCH) % self.every
        return began.isoformat(timespec="minutes")


CHORES = (
    Chore("sweep_uploads", every=timedelta(hours=1)),
    Chore("scrub", every=timedelta(days=1), at=timedelta(hours=1)),
    Chore("collect", every=timedelta(days=1), at=timedelta(hours=4)),
)


def put_due(now: datetime | None = None) -> int:
    """Put the chores of this moment that are not put yet; return how many. Nothing where settings.CHORES is off."""
    if not settings.CHORES:
        return 0
    due = {(chore.kind, chore.period(now or timezone.now())) for chore in CHORES}
    kinds, keys = [kind for kind, _ in due], [key for _, key in due]
    missing = due - set(Job.objects.filter(kind__in=kinds, key__in=keys).values_list("kind", "key"))
    for kind, key in sorted(missing):
        with transaction.atomic():
            queue.put(kind, key, by=BY)
    return len(missing)


# --- The jobs --------------------------------------------------------------------------------------


def scrub_slice(work: Work) -> None:
    """Read the night's share of the store. What it finds stands in the admin, and makes no job fail."""
    with store_errors():
        scrub(progress=lambda _stage, count: work.progress(count))


def collect_unneeded(work: Work) -> None:
    """As `collect_objects --apply`. An alarm makes the job fail, where it is seen; nothing was removed then."""
    try:
        with store_errors():
            collect(apply=True, by=BY, progress=lambda _stage, count: work.progress(count))
    except NotAlone as error:
        raise Busy(str(error)) from error


def sweep_uploads(work: Work) -> None:
    with store_errors():
        leftovers.sweep()
