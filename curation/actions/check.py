"""Prove on a live system that rows, ledger and objects agree (I1, I2, I5).

The store is listed once beside the ledger, not asked object by object; memory does not grow with the collection.
That a row in state stored has a file, a size and a digest is a constraint of the database, and not asked here.
"""

from __future__ import annotations

from curation.actions.checking import rows
from curation.actions.checking.objects import Objects, Progress
from curation.actions.checking.report import Report
from curation.storage.stores import object_store


def no_progress(stage: str, count: int) -> None:
    """Nobody watches."""


def examine(*, full: bool, mark: bool = False, progress: Progress = no_progress) -> Report:
    """Look at every key and every row that refers to one; changes nothing unless `mark`.

    full: read every object and compare its SHA-256, instead of its size alone.
    mark: note in the ledger what is missing or damaged, so that an upload of the same bytes heals it, and
    with `full` what was found to be good.
    Raises StoreUnavailable.
    """
    report, store = Report(), object_store()
    store.ping()
    Objects(store, report, full=full, mark=mark, progress=progress).look()
    rows.look(report, progress)
    return report
