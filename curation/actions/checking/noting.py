"""The line that stays of a reading: when it began, how far it came, how much of the store is known to be good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.refusals import Refusal
from curation.actions.checking.report import Report
from curation.models import StorageCheck, StoredObject
from curation.storage.errors import StoreError

CYCLE = timedelta(days=30)  # within which a nightly scrub of 1/30 has read everything


@contextmanager
def noted(kind: StorageCheck.Kind, report: Report, *, since: datetime | None = None) -> Iterator[StorageCheck]:
    """Write the line when the block begins, and fill it when it ends, whichever way it ends but by a kill."""
    line = StorageCheck.objects.create(kind=kind, since=since)
    try:
        yield line
    except (StoreError, Refusal) as error:
        line.stopped = str(error)[:500]
        raise
    finally:
        _fill(line, report)


def _fill(line: StorageCheck, report: Report) -> None:
    line.objects_read, line.bytes_read = report.checked["objects_read"], report.checked["bytes_read"]
    line.problems, line.ended_at = report.counts.total(), timezone.now()
    line.bytes_kept, line.bytes_verified = coverage(line.ended_at)
    line.save()


def coverage(now: datetime) -> tuple[int, int]:
    """(bytes kept, bytes of these read and found good within CYCLE), by the ledger."""
    verified = Sum("size", filter=Q(state=StoredObject.State.READY, verified_at__gt=now - CYCLE))
    kept = StoredObject.objects.exclude(state=StoredObject.State.DELETING)
    sums = kept.aggregate(kept=Coalesce(Sum("size"), 0), verified=Coalesce(verified, 0))
    return sums["kept"], sums["verified"]
