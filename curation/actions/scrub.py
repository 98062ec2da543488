"""Read a slice of the store each night and compare it with the ledger, so that decay is found within the cycle.

What was read longest ago comes first; `verified_at` is the cursor, and nothing else is remembered. What is found
missing or damaged is marked: its rows answer that they have no file, and an upload of the same bytes heals it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from fractions import Fraction

from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.refusals import Conflict
from curation.actions.check import no_progress
from curation.actions.checking.noting import coverage, noted
from curation.actions.checking.objects import Objects, Progress
from curation.actions.checking.rate import Rate
from curation.actions.checking.report import Code, Report
from curation.actions.references import referenced
from curation.actions.survey import tolerated
from curation.actions.walking import Pair
from curation.models import StorageCheck, StoredObject
from curation.storage.base import ObjectStore
from curation.storage.stores import object_store

NIGHTLY = Fraction(1, 30)
BATCH = 200  # ledger rows in memory


class StoreInDoubt(Conflict):
    """So much is missing that the store is likelier to be wrong than the objects gone."""


def scrub(
    *,
    share: Fraction = NIGHTLY,
    size: int | None = None,
    rate: Rate | None = None,
    progress: Progress = no_progress,
) -> Report:
    """Read `size` bytes, or `share` of the store's, and mark what is missing or damaged; at least one object.

    What is marked already is looked at first, and healed when it is well again.
    Raises StoreUnavailable, or StoreInDoubt when more than 0.1 % (and more than 10) of what was looked for is
    missing: then nothing more is marked.
    """
    report, store = Report(), object_store()
    store.ping()
    with noted(StorageCheck.Kind.SCRUB, report):
        budget = size if size is not None else coverage(timezone.now())[0] * share
        objects = Objects(store, report, full=True, mark=True, progress=progress, rate=rate)
        # In no order of its own, so that none is left out for ever when there are more than fit into a night.
        objects.look_at(_pairs(store, _slice(StoredObject.objects.lost().order_by("?"), budget)))
        ready = StoredObject.objects.filter(state=StoredObject.State.READY)
        oldest = _slice(ready.order_by(F("verified_at").asc(nulls_first=True), "pk"), budget)
        objects.look_at(_watched(_pairs(store, oldest), report, tolerated(len(oldest))))
    return report


def _slice(rows: QuerySet[StoredObject], budget: int | Fraction) -> array[int]:
    """Ids of the first rows that hold `budget` bytes together; eight bytes for each, whatever the size of the store."""
    ids, chosen = array("q"), 0
    for row_id, size in rows.values_list("pk", "size").iterator():
        if ids and chosen >= budget:
            break
        ids.append(row_id)
        chosen += size
    return ids


def _pairs(store: ObjectStore, ids: array[int]) -> Iterator[Pair]:
    """Read anew, a batch at a time: others write and collect meanwhile."""
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        rows = StoredObject.objects.in_bulk(list(batch))
        needed = referenced([row.key for row in rows.values()])
        for row in filter(None, map(rows.get, batch)):
            yield Pair(row.key, store.stat(row.key), row, row.key in needed)


def _watched(pairs: Iterator[Pair], report: Report, tolerable: int) -> Iterator[Pair]:
    before = _missing(report)
    for pair in pairs:
        yield pair  # and here it has been judged
        if _missing(report) - before > tolerable:
            raise StoreInDoubt(
                f"{_missing(report) - before} objects that should be there are not in the store, so the scrub stopped. "
                "Is it the right store? `manage.py check_storage` lists all that is missing; with --mark it notes them."
            )


def _missing(report: Report) -> int:
    return report.counts[Code.OBJECT_MISSING] + report.counts[Code.LEDGER_WITHOUT_OBJECT]
