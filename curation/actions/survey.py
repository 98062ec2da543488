"""A look at everything before anything is removed: a store that seems wrong is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from accounts.refusals import Conflict
from curation.actions.walking import Pair, side_by_side
from curation.models import StoredObject
from curation.storage.base import ObjectStore

FEW = 10  # objects that may be missing, or unknown, in a store of any size
SHARE = 1000  # one in so many more
State = StoredObject.State


class Alarm(Conflict):
    """What was found looks like a wrong or broken store, or an old database: nothing was removed."""


@dataclass(slots=True)
class Survey:
    needed: int = 0  # objects that rows refer to
    missing: int = 0  # of these, not in the store
    unknown: int = 0  # objects without ledger row, older than the grace

    def refuse_if_alarming(self, *, unknown_go: bool, despite_missing: bool = False) -> None:
        """Raise Alarm when more than 0.1 % of the needed objects (and more than 10), or all of them, are missing.

        unknown_go: objects without ledger row will be collected. They are rare by nature, so that as many of
        them alarm as well: a database restored from a backup knows nothing of what came after it.
        despite_missing: the missing ones are known, and no reason to stop.
        """
        is_alarming = self.missing > tolerated(self.needed) or 0 < self.missing == self.needed
        if is_alarming and not despite_missing:
            raise Alarm(
                f"{self.missing} of {self.needed} needed objects are not in the store, so nothing was removed. "
                "Is it the right store? `manage.py check_storage` lists them; `--despite-missing` goes on without them."
            )
        if unknown_go and self.unknown > tolerated(self.needed):
            raise Alarm(
                f"{self.unknown} objects are unknown to the database, so nothing was removed. Is it an old copy? "
                "`manage.py check_storage` lists them; `collect_objects --unknown --apply` removes them."
            )


def tolerated(count: int) -> int:
    """How many of `count` needed objects may be missing, or how many unknown beside them, without an alarm."""
    return max(FEW, count // SHARE)


def survey(store: ObjectStore, *, before: datetime) -> Survey:
    """Count what is needed, missing, and unknown since `before`. Raises StoreUnavailable."""
    seen, started = Survey(), timezone.now()
    for pair in side_by_side(store):
        if pair.is_referenced:
            seen.needed += 1
            seen.missing += _is_missing(pair, started)
        seen.unknown += is_unknown(pair, before)
    return seen


def _is_missing(pair: Pair, started: datetime) -> bool:
    """What a writer touched since the look began may only be new."""
    return pair.stat is None and pair.row is not None and pair.row.touched_at < started


def is_unknown(pair: Pair, before: datetime) -> bool:
    """An object that no ledger row knows, and that has not changed since `before`."""
    return pair.row is None and pair.stat is not None and pair.stat.modified <= before
