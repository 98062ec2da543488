"""What an import has done so far, file by file: written with the rows that each file made, or (trying) remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Protocol

from django.db import IntegrityError
from django.db.models import Count

from accounts.prepared import Insert
from accounts.refusals import Conflict
from curation.models import ImportItem, ImportRun

_insert = Insert(ImportItem)
Verdict = ImportItem.Verdict
PAGE = 1000
LONGEST_REASON = 500


class Superseded(Conflict):
    """The run was cancelled, or a later run of the same source has begun."""

    def __init__(self) -> None:
        super().__init__("This import was cancelled, or begun again elsewhere; it stopped. What was done is whole.")


def judged(path: str, verdict: str, reason: str = "") -> ImportItem:
    """What became of one file; its run is set when it is kept."""
    return ImportItem(path=path, verdict=verdict, reason=reason[:LONGEST_REASON])


class Journal(Protocol):
    tally: Counter[str]

    def keep(self, items: Sequence[ImportItem]) -> None:
        """Within the transaction that makes what the items tell of. Raises Superseded."""

    def media_at(self, paths: Iterable[str]) -> dict[str, int]:
        """The media that files of this import became or were already, by their paths."""

    def layers_at(self, places: Collection[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """The living annotations that imports of this source made of labels before, by media and path."""

    def refused(self) -> Iterator[tuple[str, str]]:
        """Path and reason of each refused file."""


class Written:
    """Rows of a run."""

    def __init__(self, run: ImportRun) -> None:
        self.run = run
        self.tally: Counter[str] = Counter()
        self._goes_on = run.items.exists()

    def keep(self, items: Sequence[ImportItem]) -> None:
        known = self._known(items) if self._goes_on else {}
        for item in items:
            item.pk, item.run = None, self.run  # the number of a former try was rolled back
            if (before := known.get(item.path)) and before.sha256 == item.sha256 and item.verdict == Verdict.UNCHANGED:
                item.verdict, item.reason = before.verdict, before.reason  # what an interrupted attempt has made
        tally = self.tally + Counter(item.verdict for item in items)
        self._note(tally)
        if known:
            self.run.items.filter(path__in=known).delete()
        try:
            _insert(*items)
        except IntegrityError:
            self._goes_on = True  # another attempt at this run, whose lease is over, is still at work
            raise
        self.tally = tally

    def _known(self, items: Sequence[ImportItem]) -> dict[str, ImportItem]:
        return {item.path: item for item in self.run.items.filter(path__in=[item.path for item in items])}

    def _note(self, tally: Counter[str]) -> None:
        columns = {verdict: tally[verdict] for verdict in Verdict.values}
        running = ImportRun.objects.filter(pk=self.run.pk, state=ImportRun.State.RUNNING)
        if not running.update(seen=tally.total(), **columns):
            raise Superseded

    def recount(self) -> None:
        """Count what is written: an attempt before this one may have seen files that are gone."""
        found = self.run.items.order_by().values_list("verdict").annotate(count=Count("pk"))
        self.tally = Counter(dict(found))

    def media_at(self, paths: Iterable[str]) -> dict[str, int]:
        found = self.run.items.filter(path__in=list(paths), media__isnull=False, annotation=None)
        return dict(found.values_list("path", "media_id"))

    def layers_at(self, places: Collection[tuple[int, str]]) -> dict[tuple[int, str], int]:
        rows = ImportItem.objects.filter(
            media__in={media_id for media_id, _ in places},
            path__in={path for _, path in places},
            run__source=self.run.source,
            annotation__isnull=False,
            annotation__deleted_at=None,
        )
        found = rows.order_by("annotation_id").values_list("media_id", "path", "annotation_id").distinct()
        return {(media_id, path): annotation_id for media_id, path, annotation_id in found}

    def refused(self) -> Iterator[tuple[str, str]]:
        rows = self.run.items.filter(verdict=Verdict.REFUSED).order_by("id")
        yield from rows.values_list("path", "reason").iterator(PAGE)


class Remembered:
    """A trial: nothing is written. Keeps a few bytes for each picture, and the refusals."""

    def __init__(self) -> None:
        self.tally: Counter[str] = Counter()
        self._media: dict[int, int] = {}  # hash of a path -> id; 0 for one that would be made
        self._refused: list[tuple[str, str]] = []

    def keep(self, items: Sequence[ImportItem]) -> None:
        self.tally.update(item.verdict for item in items)
        for item in items:
            if item.verdict == Verdict.REFUSED:
                self._refused.append((item.path, item.reason))
            elif item.verdict != Verdict.SKIPPED and item.annotation_id is None:
                self._media[hash(item.path)] = item.media_id or 0

    def media_at(self, paths: Iterable[str]) -> dict[str, int]:
        return {path: self._media[hash(path)] for path in paths if hash(path) in self._media}

    def layers_at(self, places: Collection[tuple[int, str]]) -> dict[tuple[int, str], int]:
        return {}  # a trial changes none

    def refused(self) -> Iterator[tuple[str, str]]:
        return iter(self._refused)
