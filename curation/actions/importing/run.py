"""One import from its beginning to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

from django.conf import settings
from django.db import transaction

from curation.actions.importing import plan
from curation.actions.importing.asked import Asked
from curation.actions.importing.journal import Journal, Verdict, judged
from curation.actions.importing.labels import Labels
from curation.actions.importing.pictures import Pictures
from curation.actions.importing.plan import Kind
from curation.actions.importing.reading import MOST_FILES, Reader
from curation.actions.refusing import store_errors
from curation.models import ImportItem
from curation.storage.sources.base import Entry, Source

Progress = Callable[[str, int], None]


def no_progress(stage: str, count: int) -> None:
    """Nobody watches."""


class Import:
    """Takes every file of a source; each is judged in `journal` together with what it made."""

    def __init__(self, source: Source, asked: Asked, journal: Journal, progress: Progress = no_progress) -> None:
        self._source, self._asked, self._journal, self._progress = source, asked, journal, progress
        self._done = 0
        self._has_labels = False

    def go(self) -> None:
        """Pictures first, then the labels beside them. Stopped anywhere, it can be begun again.

        Raises SourceRefused before the first file was taken, or when the source breaks; Busy, Full, Superseded.
        """
        parallel = max(1, min(self._asked.parallel, settings.STORE_SLOTS))
        with store_errors(), ThreadPoolExecutor(parallel, thread_name_prefix="import") as executor:
            self._source.check(lambda: self._progress("checking", 0))
            self._take_pictures(executor, parallel)
            if self._has_labels:
                self._take_labels(executor)

    def _take_pictures(self, executor: Executor, parallel: int) -> None:
        limit = settings.VIDEO_MAX_BYTES
        reader = Reader(self._source, executor, at_once=parallel, limit=limit, alive=self._alive)
        pictures = Pictures(self._asked, self._journal, executor)
        entries = self._unknown(reader, pictures) if self._source.is_local else self._pictures()
        for batch in reader.batches(entries):
            pictures.take(batch)
            self._tell(len(batch))

    def _unknown(self, reader: Reader, pictures: Pictures) -> Iterator[Entry]:
        """Entries that were not imported before, told by a look at all of them."""
        for hashed in reader.hashed(self._pictures()):
            unknown = pictures.recognise(hashed)
            self._tell(len(hashed) - len(unknown))
            yield from unknown

    def _take_labels(self, executor: Executor) -> None:
        labels = Labels(self._asked, self._journal, self._source, executor, self._alive)
        for count in labels.take(self._labels()):
            self._tell(count)

    def _pictures(self) -> Iterator[Entry]:
        """Entries that may be pictures; what is skipped is judged in passing, and labels are noticed."""
        skipped: list[ImportItem] = []
        for entry in self._source.entries():
            kind, why = plan.kind_of(entry.path)
            if kind is Kind.SKIPPED:
                skipped.append(judged(entry.path, Verdict.SKIPPED, why))
                if len(skipped) == MOST_FILES:
                    self._skip(skipped)
                    skipped = []
            elif kind is Kind.PICTURE:
                yield entry
            else:
                self._has_labels = True
        self._skip(skipped)

    def _labels(self) -> Iterator[Entry]:
        return (entry for entry in self._source.entries() if plan.kind_of(entry.path)[0] is Kind.LABEL)

    def _skip(self, items: list[ImportItem]) -> None:
        if items:
            with transaction.atomic():
                self._journal.keep(items)
            self._tell(len(items))

    def _alive(self) -> None:
        self._tell(0)

    def _tell(self, count: int) -> None:
        self._done += count
        self._progress("files", self._done)
