"""What a place for objects offers, whether it is a folder or a bucket.

Objects are written whole, under keys made of their content, so that writing one twice is harmless.
Only the collector removes them. Every method raises StoreUnavailable when the store cannot answer,
and never mistakes that for an absent object.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, NoReturn

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import Storage

from curation.storage.direct import DirectStore, ranged
from curation.storage.errors import ObjectMissing
from curation.storage.headers import download_name
from curation.storage.keys import content_type_of, is_ours, safe_content_type

PIECE = 1024 * 1024  # bytes read and hashed at a time


@dataclass(frozen=True)
class Stat:
    """An object as the store lists it."""

    key: str
    size: int  # bytes
    modified: datetime  # aware
    etag: str = ""  # the store's own; says nothing about the content


@dataclass(frozen=True)
class Incomplete:
    """A write that was begun and not ended; whether its writer still lives shows only in its age."""

    key: str
    upload_id: str  # meaningful to the store that gave it
    started: datetime  # aware


class ObjectStore(DirectStore, Storage, ABC):
    """The interface; also a Django storage for reading, so that FileFields work."""

    @abstractmethod
    def put(self, key: str, file: IO[bytes], *, size: int, sha256: str, content_type: str) -> None:
        """Write the whole object, from the beginning of `file`; it is there entirely or not at all.

        Overwriting is fine. Raises ChecksumRefused when what arrived is not `size` bytes with that
        SHA-256 (64 lower-case hex digits), DiskFull, or StoreUnavailable.
        """

    @abstractmethod
    def stat(self, key: str) -> Stat | None:
        """Size and time of an object; None only when the store says that it has none."""

    @abstractmethod
    def read_chunks(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to `end` (not included), in pieces. Raises ObjectMissing."""

    @abstractmethod
    def fetch(self, key: str) -> IO[bytes]:
        """The object as a file positioned at 0, for the caller to close. Raises ObjectMissing."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove an object for ever; an absent one is fine. For the collector alone."""

    @abstractmethod
    def walk(self, prefix: str = "", after: str = "") -> Iterator[Stat]:
        """Every object whose key begins with `prefix` and comes behind `after`, in bounded memory.

        Our keys come in byte order. Strangers' objects are listed too: ask `is_ours`.
        """

    @abstractmethod
    def incomplete(self) -> Iterator[Incomplete]:
        """Writes that were begun and not ended."""

    @abstractmethod
    def abort(self, incomplete: Incomplete) -> None:
        """Free what an unfinished write holds; one that is gone already is fine."""

    @abstractmethod
    def ping(self, timeout: float = 2.0) -> None:
        """Raise StoreUnavailable unless the store answers within about `timeout` seconds."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the store ready for its first object, or say why it is not."""

    @abstractmethod
    def signed(self, key: str, *, seconds: int, name: str, content_type: str) -> str:
        """An address as `link()` describes it, from a name and a type that are safe already."""

    def link(self, key: str, *, seconds: int, name: str, content_type: str) -> str:
        """An address that gives the object to whoever holds it, for `seconds` (1 to 3600), without asking the store.

        name: what a client called the file; made safe here, and given the extension of its type.
        """
        self.check_key(key)
        served = safe_content_type(content_type)
        return self.signed(key, seconds=seconds, name=download_name(name, served), content_type=served)

    def digest(self, key: str, pace: Callable[[int], None] | None = None) -> tuple[str, int]:
        """SHA-256 and size of the bytes as they are now, read in full. Raises ObjectMissing.

        pace: called with the length of each piece; it may wait, and so slow the reading down.
        """
        sha, size = hashlib.sha256(), 0
        for chunk in self.read_chunks(key):
            sha.update(chunk)
            size += len(chunk)
            if pace is not None:
                pace(len(chunk))
        return sha.hexdigest(), size

    @contextmanager
    def open_read(self, key: str) -> Iterator[IO[bytes]]:
        """The object as a file, closed when the block ends. Raises ObjectMissing."""
        with self.fetch(key) as file:
            yield file

    def open_ranged(self, key: str, size: int) -> IO[bytes]:
        """An object of `size` bytes as a seekable file of which only what is read is fetched."""
        return ranged(lambda start, end: self.read_chunks(key, start, end), size)

    def is_empty(self) -> bool:
        return next(self.walk(), None) is None

    def check_key(self, key: str) -> str:
        """`key`, unless it is none of ours."""
        if not is_ours(key):
            raise ValueError("That is not the key of an object of this service.")
        return key

    # --- What Django asks of a storage -------------------------------------------------------------

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        if mode != "rb":
            self.save(name, File(None))
        return File(self.fetch(name), name)

    def exists(self, name: str) -> bool:
        return self.stat(name) is not None

    def size(self, name: str) -> int:
        stat = self.stat(name)
        if stat is None:
            raise ObjectMissing("The object is not in the store.")
        return stat.size

    def url(self, name: str | None) -> str:
        key = name or ""
        return self.link(key, seconds=settings.PAGE_LINK_SECONDS, name="", content_type=content_type_of(key))

    def save(self, name: str | None, content: IO[Any], max_length: int | None = None) -> NoReturn:
        raise NotImplementedError("Objects are written by put() alone, under a key made of their content.")

    def delete(self, name: str) -> NoReturn:
        raise NotImplementedError("Objects are removed by the collector alone: other rows may share their bytes.")
