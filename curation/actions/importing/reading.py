"""Files of a source as they are taken in: spooled and hashed once, a batch in memory at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from accounts.refusals import TooLarge
from curation.actions.refusing import store_errors
from curation.storage.sources.base import Alive, Entry, EntryRefused, Source
from curation.storage.spool import MIB, Spool, Spooled, in_words

MOST_FILES, MOST_BYTES = 256, 32 * MIB  # of a batch


@dataclass(slots=True)
class Received:
    """A file of the source, and its bytes or why there are none."""

    entry: Entry
    spooled: Spooled | None = None
    refusal: str = ""


class Reader:
    """Reads entries of a source, several at once where the source allows it.

    limit: bytes of the largest file. alive: called again and again; what it raises passes.
    """

    def __init__(self, source: Source, executor: Executor, *, at_once: int, limit: int, alive: Alive) -> None:
        self._source, self._executor, self._limit, self._alive = source, executor, limit, alive
        self._at_once = at_once if source.reads_at_once else 1

    def batches(self, entries: Iterable[Entry]) -> Iterator[list[Received]]:
        """Files up to MOST_FILES or about MOST_BYTES at a time; their bytes are gone when the next batch is asked for.

        Raises Busy, Full, SourceRefused.
        """
        coming = iter(entries)
        while True:
            with _closing() as batch:
                self._fill(batch, coming)
                if not batch:
                    return
                yield batch

    def _fill(self, batch: list[Received], coming: Iterator[Entry]) -> None:
        size = 0
        while len(batch) < MOST_FILES and size < MOST_BYTES:
            window = list(islice(coming, self._at_once))
            if not window:
                return
            found = map(self._receive, window) if len(window) == 1 else self._executor.map(self._receive, window)
            for received in found:
                batch.append(received)
                size += received.spooled.size if received.spooled else 0
            self._alive()

    def _receive(self, entry: Entry) -> Received:
        if entry.refusal:
            return Received(entry, refusal=entry.refusal)
        if (entry.size or 0) > self._limit:
            return Received(entry, refusal=f"The file is larger than {in_words(self._limit)}.")
        spool = Spool(self._limit)
        try:
            with store_errors():
                for piece in self._source.read(entry):
                    spool.write(piece)
                return Received(entry, spool.finish())
        except (EntryRefused, TooLarge) as refusal:
            spool.close()
            return Received(entry, refusal=str(refusal))
        except BaseException:
            spool.close()
            raise


@contextmanager
def _closing() -> Iterator[list[Received]]:
    """A batch whose files are closed when the block ends."""
    batch: list[Received] = []
    try:
        yield batch
    finally:
        for received in batch:
            if received.spooled:
                received.spooled.close()
