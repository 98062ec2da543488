"""Many rows one after the other, where the bytes of some may not be had."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from accounts.refusals import Missing, Refusal
from curation.actions.fetching import Row

log = logging.getLogger(__name__)

PATIENCE = 3  # rows in a row that could not be had before a run gives up
KEPT = 100  # failures that are kept in words


@dataclass(slots=True, kw_only=True)
class Failures:
    """What a run could not do. failures: why, of the first KEPT, by the id of the row."""

    failed: int = 0
    failures: dict[int, str] = field(default_factory=dict)
    gave_up: bool = False  # the store seems not to answer

    def add(self, row: Row, refusal: Refusal) -> None:
        self.failed += 1
        if len(self.failures) < KEPT:
            self.failures[row.pk] = str(refusal)
        log.warning("Left undone: %s %s: %s", row._meta.verbose_name, row.pk, refusal)


def try_each(rows: Iterable[Row], work: Callable[[Row], None], tally: Failures, after_each: Callable[[], None]) -> None:
    """Do the work of each row and go on after a refusal; give up after PATIENCE in a row.

    An object that is missing is not the store's silence: it counts as failed alone.
    """
    in_a_row = 0
    for row in rows:
        try:
            work(row)
            in_a_row = 0
        except Refusal as refusal:
            tally.add(row, refusal)
            in_a_row += not isinstance(refusal, Missing)
            if in_a_row >= PATIENCE:
                tally.gave_up = True
                return
        after_each()
