"""A single file that is open already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from curation.storage.sources.base import PIECE, Alive, Entry, Source, quiet
from curation.storage.sources.paths import escaped, shown


class OneFile(Source):
    """name: as whoever sent it called it. size: bytes."""

    def __init__(self, name: str, file: IO[bytes], size: int) -> None:
        self._entry, self._file = Entry(shown(escaped(name.replace("\\", "/").rpartition("/")[2])), size), file

    def check(self, alive: Alive = quiet) -> None:
        """There is nothing that could be out of order."""

    def entries(self) -> Iterator[Entry]:
        yield self._entry

    def read(self, entry: Entry) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(PIECE):
            yield piece
