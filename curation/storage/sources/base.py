"""What an import needs of a place that holds files: a list in a stable order, and the bytes of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

PIECE = 256 * 1024  # bytes read at a time

Alive = Callable[[], None]


def quiet() -> None:
    """Nobody wants to know that work goes on."""


class SourceRefused(Exception):
    """The whole source cannot be taken; the sentence says why, and names the entry where there is one."""


class EntryRefused(Exception):
    """One file cannot be read; the sentence says why. The others can."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a source."""

    path: str  # within the source, parts separated by /, printable
    size: int | None  # bytes as announced; None: not known before it is read
    refusal: str = ""  # why it cannot be taken whatever it holds
    note: str = ""  # what is worth a look
    place: object = None  # what the source needs to find it again


class Source(ABC):
    """A place that files are taken from."""

    is_local = False  # whether reading a file twice costs little
    reads_at_once = False  # whether several threads may read different entries

    @abstractmethod
    def check(self, alive: Alive = quiet) -> None:
        """Look at what must be in order before the first file is taken. Raises SourceRefused.

        alive: called again and again while this takes long; what it raises passes.
        """

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """Every file, in the same order each time, in bounded memory. An entry may be read until the next is asked for.

        Raises SourceRefused, StoreUnavailable.
        """

    @abstractmethod
    def read(self, entry: Entry) -> Iterator[bytes]:
        """The bytes of an entry, in pieces. Raises EntryRefused, SourceRefused, StoreUnavailable."""
