"""Prove on a live system that rows, ledger and objects agree.

The store is listed once beside the ledger, not asked object by object; memory does not grow with the collection.
That a row in state stored has a file, a size and a digest is a constraint of the database, and not asked here.

What is looked at here, by the numbers of the invariants, and where the others are proven:

* I1, I2, I5 objects, ledger and rows agree in both directions, and no write is left open: checking/objects.py, rows.py
* I3, I4, I6 of a write: its traces are I1, I2 and stale leases; the writing itself in tests/test_write_protocol.py
* I7 jobs end: abandoned ones and those that nobody begins, checking/work.py; the rest in the tests of the jobs
* I8 of a process (files, memory, connections): tests/test_write_protocol.py, storage/test_spool.py, benchmarks/
* I9 nothing secret in answers and logs: tests/contract/test_answers.py
* I10 one line of history per change: tests/contract/test_history.py
* I11, I12 probes, and answers within 30 s: pyrostorage_site/tests/test_operation.py, storage/test_slots.py
* I13 history only grows: revisions without a gap, the current one shown, the triggers in place, checking/rows.py
* I14 is about releases, of which there are none yet
"""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime

from django.utils import timezone

from curation.actions.checking import rows, work
from curation.actions.checking.noting import noted
from curation.actions.checking.objects import Objects, Progress
from curation.actions.checking.rate import Rate
from curation.actions.checking.report import Report
from curation.models import StorageCheck
from curation.storage.stores import object_store


def no_progress(stage: str, count: int) -> None:
    """Nobody watches."""


def examine(
    *,
    full: bool,
    mark: bool = False,
    since: datetime | None = None,
    rate: Rate | None = None,
    progress: Progress = no_progress,
) -> Report:
    """Look at every key and every row that refers to one; changes nothing unless `mark` or `since`.

    full: read every object and compare its SHA-256, instead of its size alone.
    mark: note in the ledger what is missing or damaged, so that an upload of the same bytes heals it, and
    with `full` what was found to be good.
    since: with `full`, read only what was not found good after that moment, and note as it goes what is: a run
    that was killed is begun again with the same `since`, and goes on where it was.
    Raises StoreUnavailable.
    """
    report, store = Report(), object_store()
    store.ping()
    notes = full and (mark or since is not None)
    began = since or timezone.now()
    with noted(StorageCheck.Kind.FULL, report, since=began) if notes else nullcontext():
        Objects(store, report, full=full, mark=mark, progress=progress, since=since, rate=rate).look()
        rows.look(report, progress)
        work.look(report)
    return report


def last_since() -> datetime | None:
    """The moment that the last full check which noted what it found was about; None when there was none."""
    last = StorageCheck.objects.newest(StorageCheck.Kind.FULL)
    return last.since if last else None
