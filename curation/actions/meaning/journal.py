"""What an import of annotations has done so far, picture by picture, with counts of regions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from django.db.models import Sum

from curation.actions.importing import journal
from curation.actions.importing.journal import Superseded, Verdict
from curation.models import ImportItem, ImportRun

REGIONS = ("regions_kept", "regions_dropped", "regions_refused", "problems")
SHOWN_VERDICTS = (Verdict.REFUSED, Verdict.NOT_FOUND)
MOST_REMEMBERED = 10_000  # lines of a trial


class Journal(Protocol):
    tally: Counter[str]  # verdicts, and the counts of REGIONS

    def keep(self, items: Sequence[ImportItem]) -> None:
        """Within the transaction that makes what the items tell of. Raises Superseded."""

    def told(self) -> Iterator[ImportItem]:
        """What is worth a line: refused, not found, or with regions that were dropped, refused or are odd."""


class Written(journal.Written):
    """Rows of a run."""

    def __init__(self, run: ImportRun) -> None:
        super().__init__(run)
        self._coming: Sequence[ImportItem] = ()
        self._regions: Counter[str] = Counter()

    def _note(self, tally: Counter[str]) -> None:
        regions = Counter({name: self.tally[name] for name in REGIONS})
        for item in self._coming:
            regions.update({name: getattr(item, name) for name in REGIONS})
        columns = {verdict: tally[verdict] for verdict in Verdict.values} | {name: regions[name] for name in REGIONS}
        running = ImportRun.objects.filter(pk=self.run.pk, state=ImportRun.State.RUNNING)
        if not running.update(seen=sum(tally[verdict] for verdict in Verdict.values), **columns):
            raise Superseded
        self._regions = regions

    def keep(self, items: Sequence[ImportItem]) -> None:
        self._coming = items
        super().keep(items)
        self.tally = Counter({verdict: self.tally[verdict] for verdict in Verdict.values}) + self._regions

    def recount(self) -> None:
        super().recount()
        found = self.run.items.order_by().aggregate(**{name: Sum(name) for name in REGIONS})
        self.tally.update({name: count or 0 for name, count in found.items()})

    def told(self) -> Iterator[ImportItem]:
        rows = self.run.items.filter(told__isnull=False) | self.run.items.filter(verdict__in=SHOWN_VERDICTS)
        yield from rows.order_by("id").iterator(journal.PAGE)


class Remembered:
    """A trial: nothing is written. The first MOST_REMEMBERED lines are kept, and all are counted."""

    def __init__(self) -> None:
        self.tally: Counter[str] = Counter()
        self._told: list[ImportItem] = []

    def keep(self, items: Sequence[ImportItem]) -> None:
        for item in items:
            self.tally[item.verdict] += 1
            self.tally.update({name: getattr(item, name) for name in REGIONS})
            if (item.told or item.verdict in SHOWN_VERDICTS) and len(self._told) < MOST_REMEMBERED:
                self._told.append(item)

    def told(self) -> Iterator[ImportItem]:
        return iter(self._told)
