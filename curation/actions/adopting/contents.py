"""Looking at objects: each is read once, several at a time, outside of every transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Generic, TypeVar

from django.conf import settings

from curation.imaging import sniff, text
from curation.storage.base import PIECE, ObjectStore
from curation.storage.errors import ObjectMissing

READERS = 4  # at a time; most of it is waiting
REMEMBERED = 20_000  # objects that several rows share are not read again
ANY_SIZE = 2**31 - 1  # pixels of a side that the column can hold

Identified = TypeVar("Identified", sniff.Content, text.TextContent)
Identify = Callable[[IO[bytes]], Identified]


@dataclass(frozen=True, slots=True)
class Look(Generic[Identified]):
    """What was seen of one object."""

    is_there: bool
    was_read: bool = False  # False: only looked up, and nothing below is known
    sha256: str = ""
    size: int = 0  # bytes
    content: Identified | None = None  # None although it was read: something foreign
    strangeness: str = ""  # why it is foreign, as a sentence


def picture_or_video(file: IO[bytes]) -> sniff.Content:
    """As at an upload, but whatever its size: what the old service took is kept."""
    return sniff.identify(file, max_pixels=ANY_SIZE**2, max_side=ANY_SIZE)


class Looker(Generic[Identified]):
    """Looks at many objects; as a context manager it ends its threads. absent: keys that the store did not list."""

    def __init__(self, store: ObjectStore, absent: set[str], identify: Identify[Identified]) -> None:
        self._store, self._absent = store, absent
        self._identify: Identify[Identified] = identify
        self._known: dict[str, Look[Identified]] = {}
        self._pool = ThreadPoolExecutor(min(READERS, settings.STORE_SLOTS))

    def look(self, keys: Iterable[str], *, read: Callable[[str], bool]) -> dict[str, Look[Identified]]:
        """What is behind each of `keys`; those that `read` names are read, the others only looked up.

        Raises StoreError when the store does not answer, which says nothing about any object.
        """
        wanted = sorted(set(keys))
        fresh = [key for key in wanted if not self._suffices(key, read(key))]
        seen = dict(zip(fresh, self._pool.map(lambda key: self._one(key, read(key)), fresh), strict=True))
        if len(self._known) > REMEMBERED:
            self._known = {key: self._known[key] for key in wanted if key in self._known}
        self._known |= seen
        return {key: self._known[key] for key in wanted}

    def _suffices(self, key: str, read: bool) -> bool:
        known = self._known.get(key)
        return known is not None and (known.was_read or not known.is_there or not read)

    def _one(self, key: str, read: bool) -> Look[Identified]:
        if not read:
            return Look(key not in self._absent)
        try:
            with self._store.open_read(key) as file:
                return self._read(file)
        except ObjectMissing:
            return Look(is_there=False)

    def _read(self, file: IO[bytes]) -> Look[Identified]:
        sha, size = hashlib.sha256(), 0
        while piece := file.read(PIECE):
            sha.update(piece)
            size += len(piece)
        try:
            content, strangeness = self._identify(file), ""
        except (sniff.Unreadable, sniff.TooManyPixels, text.NotText) as error:
            content, strangeness = None, str(error)
        return Look(True, True, sha.hexdigest(), size, content, strangeness)

    def __enter__(self) -> Looker[Identified]:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
