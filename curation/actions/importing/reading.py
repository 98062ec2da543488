"""Files of a source as they are taken in: spooled and hashed once, a batch in memory at a time."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice

from accounts.refusals import TooLarge
from curation.actions.refusing import store_errors
from curation.storage.sources.base import Alive, Entry, EntryRefused, Source
from curation.storage.spool import MIB, Spool, Spooled, in_words

MOST_FILES, MOST_BYTES = 256, 32 * MIB  # of a batch
SLICE = 8  # files that a thread reads before it is asked again


@dataclass(slots=True)
class Received:
    """A file of the source, and its bytes or why there are none."""

    entry: Entry
    spooled: Spooled | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Hashed:
    """A file of the source whose bytes were read and let go."""

    entry: Entry
    sha256: str
    size: int


class Reader:
    """Reads entries of a source, several at once where the source allows it.

    limit: bytes of the largest file. alive: called again and again; what it raises passes.
    """

    def __init__(self, source: Source, executor: Executor, *, at_once: int, limit: int, alive: Alive) -> None:
        self._source, self._executor, self._limit, self._alive = source, executor, limit, alive
        self._at_once = at_once if source.reads_at_once else 1
        self._window = SLICE * at_once if source.reads_at_once else 1

    def hashed(self, entries: Iterable[Entry]) -> Iterator[list[Hashed]]:
        """Digests of files, without keeping their bytes; "" for one that cannot be read. A batch is read ahead."""
        coming = iter(entries)
        ahead = self._hash_all(list(islice(coming, MOST_FILES)))
        while ahead:
            now, ahead = ahead, self._hash_all(list(islice(coming, MOST_FILES)))
            yield [hashed for some in now for hashed in some.result()]
            self._alive()

    def _hash_all(self, entries: list[Entry]) -> list[Future[list[Hashed]]]:
        return [self._executor.submit(self._hash_some, some) for some in _slices(entries, self._at_once)]

    def _hash_some(self, entries: list[Entry]) -> list[Hashed]:
        return [self._hash(entry) for entry in entries]

    def _hash(self, entry: Entry) -> Hashed:
        sha, size = hashlib.sha256(), 0
        if entry.refusal:
            return Hashed(entry, "", 0)
        try:
            for piece in self._source.read(entry):
                sha.update(piece)
                size += len(piece)
        except EntryRefused:
            return Hashed(entry, "", 0)
        return Hashed(entry, sha.hexdigest(), size)

    def batches(self, entries: Iterable[Entry]) -> Iterator[list[Received]]:
        """Files up to MOST_FILES or about MOST_BYTES at a time; their bytes are gone when the next batch is asked for.

        Raises Busy, Full, SourceRefused.
        """
        coming: deque[Entry] = deque()
        entries = iter(entries)
        while True:
            with _closing() as batch:
                self._fill(batch, coming, entries)
                if not batch:
                    return
                yield batch

    def _fill(self, batch: list[Received], coming: deque[Entry], entries: Iterator[Entry]) -> None:
        """coming: entries that were asked for and not read, because the batch was full."""
        while len(batch) < MOST_FILES and _size(batch) < MOST_BYTES:
            coming.extend(islice(entries, self._window - len(coming)))
            if not coming:
                return
            slices = _slices(list(coming), self._at_once)
            coming.clear()
            steps = [partial(self._receive_some, some, MOST_BYTES // self._at_once) for some in slices]
            for received, left in self._executor.map(_call, steps) if len(steps) > 1 else map(_call, steps):
                batch.extend(received)
                coming.extend(left)
            self._alive()

    def _receive_some(self, entries: Sequence[Entry], enough: int) -> tuple[list[Received], Sequence[Entry]]:
        """Read until there are `enough` bytes; what was read, and the entries that were not."""
        found: list[Received] = []
        for number, entry in enumerate(entries, 1):
            found.append(self._receive(entry))
            if _size(found) > enough:
                return found, entries[number:]
        return found, ()

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


def _call(step: Callable[[], tuple[list[Received], Sequence[Entry]]]) -> tuple[list[Received], Sequence[Entry]]:
    return step()


def _slices(entries: list[Entry], count: int) -> list[list[Entry]]:
    """At most `count` parts of about one length, in the same order."""
    length = -(-len(entries) // count) or 1
    return [entries[start : start + length] for start in range(0, len(entries), length)]


def _size(files: Iterable[Received]) -> int:
    return sum(received.spooled.size for received in files if received.spooled)


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
