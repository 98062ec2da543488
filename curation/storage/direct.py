"""What a store offers to clients that write into it themselves: links to write by, and what comes of it.

A small file comes by one PUT, a larger one in parts. Both links are made so that what was read back can no
longer change: the link for one PUT takes only bytes with the declared SHA-256 (which the store verifies), and
the links for parts are dead once the parts are joined.
"""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, cast

MIB = 1024 * 1024
USUAL_PART = 16 * MIB  # bytes; S3 takes 5 MiB to 5 GiB, and less for the last part
MOST_PARTS = 10_000  # S3's limit
WINDOW = 256 * 1024  # bytes that are fetched when one of them is asked for

Tick = Callable[[], object]


@dataclass(frozen=True, slots=True)
class PutLink:
    """An address for one PUT, and the headers to send with it."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """A part that has arrived."""

    number: int  # from 1
    size: int  # bytes
    etag: str


def part_size_of(size: int) -> int:
    """How large the parts of a file of `size` bytes are (whole MiB); the last one may be smaller."""
    needed = -(-size // MOST_PARTS)
    return max(USUAL_PART, -(-needed // MIB) * MIB)


class DirectStore(ABC):
    """The verbs of direct uploads. Keys are those of `keys.incoming_key()`; `upload` is what `begin_parts()` gave.

    Where the store `keeps_in_place()`, a link for one PUT may also be for a key where the object is to stay.
    """

    @abstractmethod
    def binds_content(self) -> bool:
        """Whether a link for one PUT takes nothing but the declared bytes; where it does not, only parts are safe."""

    @abstractmethod
    def keeps_in_place(self) -> bool:
        """Whether a link for one PUT may write where the object is to stay. Asks for `binds_content()`."""

    @abstractmethod
    def put_link(self, key: str, *, size: int, sha256: str, seconds: int) -> PutLink:
        """A link that takes exactly `size` bytes with that SHA-256, for `seconds` (1 to 3600)."""

    @abstractmethod
    def begin_parts(self, key: str) -> str:
        """Open `key` for parts; return what the store calls that."""

    @abstractmethod
    def part_link(self, key: str, upload: str, number: int, *, size: int, seconds: int) -> PutLink:
        """A link for part `number` (1 to 10,000), of `size` bytes, for `seconds` (1 to 3600)."""

    @abstractmethod
    def parts(self, key: str, upload: str) -> Iterator[Part]:
        """The parts that have arrived, by number. Raises UploadGone when they were joined or dropped."""

    @abstractmethod
    def join_parts(self, key: str, upload: str, parts: Sequence[Part], *, size: int) -> None:
        """Make the object `key` of `size` bytes out of `parts`; their links are dead from then on.

        Fine when it has happened already. Raises UploadGone when the parts are gone and no such object is there.
        """

    @abstractmethod
    def drop_parts(self, key: str, upload: str) -> None:
        """Forget the parts, and let no more come; fine when they are gone."""

    @abstractmethod
    def read_small(self, key: str, most: int) -> bytes:
        """The first `most` bytes of an object, and one more where there are more. Raises ObjectMissing."""

    @abstractmethod
    def copy(self, source: str, target: str, *, size: int, sha256: str, content_type: str, tick: Tick) -> None:
        """Copy an object inside the store; the target is there entirely or not at all.

        tick: called every few seconds, and may raise to end it. Raises ObjectMissing, or ChecksumRefused when
        the copy is not `size` bytes with that SHA-256.
        """


class RangedFile(io.RawIOBase):
    """An object as a seekable file, fetched a window at a time: a header is told without the whole file."""

    def __init__(self, read: Callable[[int, int], Iterator[bytes]], size: int) -> None:
        """read: the bytes from a start to an end (not included); size: of the object, in bytes."""
        super().__init__()
        self._fetch, self._size = read, size
        self._place, self._start, self._window = 0, 0, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._size, self._place + size)
        if end <= self._place:
            return b""
        if not self._start <= self._place <= end <= self._start + len(self._window):
            self._start = self._place
            self._window = b"".join(self._fetch(self._place, min(self._size, max(end, self._place + WINDOW))))
        data = self._window[self._place - self._start : end - self._start]
        self._place += len(data)
        return data


def ranged(read: Callable[[int, int], Iterator[bytes]], size: int) -> IO[bytes]:
    """A RangedFile, as those want it who read files."""
    return cast(IO[bytes], RangedFile(read, size))
