"""Bytes on their way in: counted and hashed while they arrive, kept in a file without a name.

Up to SMALL bytes stay in memory; more go to an unlinked temporary file in SPOOL_DIR, so that nothing
survives the process, however it ends.
"""

from __future__ import annotations

import hashlib
import hmac
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from django.conf import settings
from django.core.files.storage import storages

from curation.storage.disk import disk
from curation.storage.errors import DigestMismatch, DiskFull, TooLarge

MIB = 1024 * 1024
SMALL = MIB  # bytes that are kept in memory
STEP = 16 * MIB  # bytes from one look at the disk to the next


@dataclass(frozen=True)
class Spooled:
    """Bytes that arrived whole and wait on this machine."""

    file: IO[bytes]  # positioned at 0
    size: int  # bytes
    sha256: str  # 64 lower-case hex digits

    def close(self) -> None:
        close(self.file)


@dataclass(frozen=True)
class Arrived:
    """Bytes that lie in the store under another key, have been hashed there, and cannot be changed any more."""

    file: IO[bytes]  # fetches what is read, and no more
    size: int  # bytes
    sha256: str  # 64 lower-case hex digits
    key: str
    tick: Callable[[], object]  # to be called every few seconds while they are copied; it may raise


class Spool:
    """Takes bytes piece by piece; `finish()` gives them back as one file.

    As a context manager it frees everything at the end of the block, what `finish()` returned included.
    """

    def __init__(self, limit: int) -> None:
        """limit: largest acceptable size, in bytes."""
        self.limit = limit
        self.size = 0
        self._sha = hashlib.sha256()
        self._file = temporary_file()
        self._room = SMALL  # up to this size, room is known to be there

    def write(self, chunk: bytes) -> None:
        """Keep the next piece. Raises TooLarge at the first byte over the limit, or DiskFull."""
        self.size += len(chunk)
        if self.size > self.limit:
            self.close()
            raise TooLarge(f"The file is larger than {in_words(self.limit)}.")
        self._sha.update(chunk)
        try:
            self._see_room(len(chunk))
            with disk():
                self._file.write(chunk)
        except Exception:
            self.close()
            raise

    def _see_room(self, coming: int) -> None:
        """Look again every STEP bytes: no length may have been announced, and others fill the same disk."""
        if self.size > self._room:
            ensure_room(coming + STEP)
            self._room = self.size + STEP

    def finish(self, expected: str = "") -> Spooled:
        """What arrived, positioned at 0.

        expected: the SHA-256 that the sender declared, in hex of either case; "" when none was.
        Raises DigestMismatch (and keeps nothing), or DiskFull.
        """
        digest = self._sha.hexdigest()
        if expected and not hmac.compare_digest(expected.lower().encode(errors="replace"), digest.encode()):
            self.close()
            raise DigestMismatch("The bytes received do not have the SHA-256 that was declared.")
        with disk():
            self._file.seek(0)  # flushes, so a full disk may show here
        return Spooled(self._file, self.size, digest)

    def close(self) -> None:
        """Forget the bytes; harmless when done twice."""
        close(self._file)

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def spool(chunks: Iterable[bytes], *, limit: int, expected: str = "") -> Iterator[Spooled]:
    """Spool all of `chunks`; the stream is left at the first byte over `limit`.

    Raises TooLarge, DigestMismatch or DiskFull. The bytes are gone when the block ends.
    """
    with Spool(limit) as spooling:
        for chunk in chunks:
            spooling.write(chunk)
        yield spooling.finish(expected)


def ensure_room(size: int) -> None:
    """Raise DiskFull when `size` more bytes would eat into the reserve (DISK_RESERVE_BYTES) of a disk they pass.

    Asked for what was announced, before a byte is taken; then by the spool itself, and by a FolderStore.

    Looks at the spool's disk and, when objects are kept in a folder, at that one; on one and the
    same disk the bytes count twice, because they are there twice for a while.
    """
    with disk():
        places = {place.stat().st_dev: place for place in _places()}
        copies = Counter(place.stat().st_dev for place in _places())
        for device, place in places.items():
            if shutil.disk_usage(place).free < size * copies[device] + settings.DISK_RESERVE_BYTES:
                raise DiskFull("The disk is full.")


def _places() -> list[Path]:
    folder = getattr(storages["default"], "folder", None)  # only a FolderStore has one
    return [spool_folder(), *([folder] if isinstance(folder, Path) else [])]


def spool_folder() -> Path:
    return Path(settings.SPOOL_DIR or tempfile.gettempdir())


def temporary_file() -> IO[bytes]:
    """A file without a name, in memory up to SMALL bytes."""
    # Lives longer than this function: whoever asked for it closes it.
    with disk():  # the first look for the system's folder may fail
        return tempfile.SpooledTemporaryFile(max_size=SMALL, dir=str(spool_folder()))


def close(file: IO[bytes]) -> None:
    """Close a file whose content no longer matters; the last flush may fail on a full disk."""
    with suppress(OSError):
        file.close()


def in_words(size: int) -> str:
    """`size` bytes as a person writes it: 64 MiB, 1000 bytes."""
    return f"{size // MIB} MiB" if size and size % MIB == 0 else f"{size} bytes"
