"""Objects in a folder of this machine: `media/<key>` is the file `<location>/media/<key>`.

A write goes to a temporary file beside its target, is hashed once more on the way, forced to the disk, and
takes its name in one step: a reader sees the whole object or none, and so does whoever comes after a crash.
"""

from __future__ import annotations

import fcntl
import hashlib
import heapq
import os
import re
import secrets
import shutil
import stat as modes
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from django.conf import settings

from curation.storage import links
from curation.storage.base import PIECE, Incomplete, ObjectStore, Stat
from curation.storage.direct import Part, PutLink, Tick
from curation.storage.disk import disk
from curation.storage.errors import ChecksumRefused, DiskFull, ObjectMissing, StoreUnavailable, UploadGone
from curation.storage.keys import PREFIXES, incoming_of, part_key
from curation.storage.spool import close

TEMPORARY = ".tmp-"  # no key begins a name with a dot
SECOND_LOOK = 0.1  # seconds
UNFINISHED = re.compile(rf"(?:{'|'.join(PREFIXES)})/{re.escape(TEMPORARY)}[A-Za-z0-9]+")
FILE_MODE, FOLDER_MODE = 0o640, 0o750
PAGE = 20_000  # names of one folder that are held in memory at a time


class FolderStore(ObjectStore):
    """Keeps objects below one folder, which `prepare()` makes."""

    def __init__(self, location: str | Path) -> None:
        self.folder = Path(location)

    def prepare(self) -> None:
        with disk():
            _make(self.folder.absolute())
        self.ping()

    def ping(self, timeout: float = 2.0) -> None:
        if not self.folder.is_dir() or not os.access(self.folder, os.R_OK | os.W_OK | os.X_OK):
            raise StoreUnavailable("The folder of the store is absent or cannot be written.")

    # --- Writing -----------------------------------------------------------------------------------

    def put(self, key: str, file: IO[bytes], *, size: int, sha256: str, content_type: str) -> None:
        target = self._path(key)
        self.ping()
        with disk():
            if shutil.disk_usage(self.folder).free < size + settings.DISK_RESERVE_BYTES:
                raise DiskFull("The disk is full.")
            _make(target.parent)
            with _temporary(target.parent) as (temporary, handle):
                if _copy(file, handle) != (sha256, size):
                    raise ChecksumRefused("The bytes to be stored are not those that were received.")
                _keep(temporary, handle, target)

    def remove(self, key: str) -> None:
        path = self._path(key)
        self.ping()
        with disk():
            path.unlink(missing_ok=True)
            if path.parent.exists():
                _sync_folder(path.parent)

    # --- Reading -----------------------------------------------------------------------------------

    def stat(self, key: str) -> Stat | None:
        path = self._path(key)
        with disk():
            try:
                found = path.lstat()
            except FileNotFoundError:
                self.ping()  # a folder that is not mounted must not look like one without objects
                return None
        return _stat(key, found) if modes.S_ISREG(found.st_mode) else None

    def fetch(self, key: str) -> IO[bytes]:
        path = self._path(key)
        if self.stat(key) is None:
            raise ObjectMissing("The object is not in the store.")
        with disk():
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError as error:  # removed since we looked
                raise ObjectMissing("The object is not in the store.") from error
            return os.fdopen(descriptor, "rb")

    def read_chunks(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        with self.fetch(key) as file, disk():
            file.seek(start)
            while chunk := file.read(PIECE if end is None else min(PIECE, max(0, end - file.tell()))):
                yield chunk

    def walk(self, prefix: str = "", after: str = "") -> Iterator[Stat]:
        self.ping()
        yield from self._walk(self.folder, "", prefix, after)

    def _walk(self, folder: Path, base: str, prefix: str, after: str) -> Iterator[Stat]:
        """Depth first, page by page. A folder sorts as its name with a slash, so whole keys come in byte order."""
        done = ""
        while names := _page(folder, done, lambda name: _is_wanted(base + name, prefix, after)):
            for name in names:
                if name.endswith("/"):
                    yield from self._walk(folder / name, base + name, prefix, after)
                else:
                    with suppress(FileNotFoundError), disk():  # removed since it was listed
                        yield _stat(base + name, (folder / name).lstat())
            done = names[-1]

    # --- Writes that were cut short ----------------------------------------------------------------

    def incomplete(self) -> Iterator[Incomplete]:
        """Temporary files that no living process of this machine holds locked."""
        self.ping()
        for folder in (self.folder / prefix for prefix in PREFIXES):
            if folder.is_dir() and not folder.is_symlink():
                yield from filter(None, map(self._abandoned, folder.glob(f"{TEMPORARY}*")))

    def _abandoned(self, path: Path) -> Incomplete | None:
        """Looked at twice: a writer may not have locked its new file yet, or just have given it its name."""
        with disk():
            if not _is_unlocked(path):
                return None
            time.sleep(SECOND_LOOK)
            if not _is_unlocked(path):
                return None
            with suppress(FileNotFoundError):
                return Incomplete(str(path.relative_to(self.folder)), path.name, _time(path.stat()))
        return None

    def abort(self, incomplete: Incomplete) -> None:
        if not UNFINISHED.fullmatch(incomplete.key):
            raise ValueError("That is not an unfinished write of this store.")
        with disk():
            (self.folder / incomplete.key).unlink(missing_ok=True)

    # --- Links -------------------------------------------------------------------------------------

    def signed(self, key: str, *, seconds: int, name: str, content_type: str) -> str:
        return f"{settings.PUBLIC_URL}{links.sign(key, seconds=seconds, name=name, content_type=content_type)}"

    # --- Direct uploads: our own server takes what a bucket would (`take.py`) ----------------------

    def binds_content(self) -> bool:
        return True

    def keeps_in_place(self) -> bool:
        """Moving a file is cheap here, and our own server takes nothing but what is on its way."""
        return False

    def put_link(self, key: str, *, size: int, sha256: str, seconds: int) -> PutLink:
        path = links.sign_put(self.check_key(key), size=size, sha256=sha256, seconds=seconds)
        return PutLink(f"{settings.PUBLIC_URL}{path}", {})

    def part_link(self, key: str, upload: str, number: int, *, size: int, seconds: int) -> PutLink:
        return self.put_link(part_key(key, number), size=size, sha256="", seconds=seconds)

    def begin_parts(self, key: str) -> str:
        """Parts are taken while a file `<key>.open` is there."""
        self.receive(f"{key}.open", [], size=0)
        return "open"

    def receive(self, key: str, pieces: Iterable[bytes], *, size: int, sha256: str = "") -> None:
        """What a link takes: exactly `size` bytes, with that SHA-256 unless it is "".

        Raises ChecksumRefused for other bytes, UploadGone for a part whose file is joined or dropped, DiskFull.
        """
        target, digest, arrived = self._path(key), hashlib.sha256(), 0
        self._require_open(key)
        with disk():
            _make(target.parent)
        with _temporary(target.parent) as (temporary, handle):
            for piece in pieces:
                arrived += len(piece)
                if arrived > size:
                    break
                digest.update(piece)
                with disk():
                    handle.write(piece)
            if arrived != size or sha256 not in {"", digest.hexdigest()}:
                raise ChecksumRefused("The bytes that arrived are not those that were announced.")
            with disk():
                _keep(temporary, handle, target)
        try:
            self._require_open(key)
        except UploadGone:  # joined or dropped meanwhile, by somebody who did not see this part
            self.remove(key)
            raise

    def _require_open(self, key: str) -> None:
        whole = incoming_of(key)
        if key[len(whole) + 1 :].isdigit() and self.stat(f"{whole}.open") is None:
            raise UploadGone("The upload was ended by somebody else.")

    def parts(self, key: str, upload: str) -> Iterator[Part]:
        found = list(self._parts(key))
        self._require_open(part_key(key, 1))  # afterwards: then none was removed while they were listed
        return iter(found)

    def _parts(self, key: str) -> Iterator[Part]:
        for stat in self.walk(f"{key}."):
            number = stat.key.rpartition(".")[2]
            if number.isdigit():
                yield Part(int(number), stat.size, stat.etag)

    def join_parts(self, key: str, upload: str, parts: Sequence[Part], *, size: int) -> None:
        target = self._path(key)
        if self.stat(key) is None:
            self._require_open(part_key(key, 1))
            with disk(), _temporary(target.parent) as (temporary, handle):
                for part in parts:
                    self._append(part_key(key, part.number), handle)
                if handle.tell() != size:
                    raise UploadGone("The parts were changed by somebody else.")
                _keep(temporary, handle, target)
        self.drop_parts(key, upload)

    def _append(self, key: str, handle: IO[bytes]) -> None:
        try:
            for chunk in self.read_chunks(key):
                handle.write(chunk)
        except ObjectMissing as error:
            raise UploadGone("The upload was ended by somebody else.") from error

    def drop_parts(self, key: str, upload: str) -> None:
        self.remove(f"{key}.open")  # first, so that no part comes behind
        for part in list(self._parts(key)):
            self.remove(part_key(key, part.number))

    def read_small(self, key: str, most: int) -> bytes:
        with self.fetch(key) as file, disk():
            return file.read(most + 1)

    def copy(self, source: str, target: str, *, size: int, sha256: str, content_type: str, tick: Tick) -> None:
        """A second name for the same file: objects are replaced, never written into."""
        origin, goal = self._path(source), self._path(target)
        with disk():
            _make(goal.parent)
            other = goal.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
            try:
                os.link(origin, other, follow_symlinks=False)
            except FileNotFoundError as error:
                raise ObjectMissing("The object is not in the store.") from error
            try:
                if other.stat().st_size != size:
                    raise ChecksumRefused("The bytes to be stored are not those that were received.")
                other.replace(goal)
            finally:
                other.unlink(missing_ok=True)
            _sync_folder(goal.parent)

    def _path(self, key: str) -> Path:
        path = self.folder / self.check_key(key)
        if path.parent.is_symlink():
            raise StoreUnavailable("A folder of the store is a symbolic link, which is refused.")
        return path


@contextmanager
def _temporary(folder: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """A new file of this writer, gone when the block ends unless it took another name.

    Its lock lasts as long as the writer lives, which is how `incomplete()` knows the dead.
    """
    path = folder / f"{TEMPORARY}{secrets.token_hex(8)}"
    handle = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE), "wb")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield path, handle
    finally:
        close(handle)
        path.unlink(missing_ok=True)


def _keep(temporary: Path, handle: IO[bytes], target: Path) -> None:
    """Force a temporary file to the disk and give it its name."""
    handle.flush()
    os.fsync(handle.fileno())
    temporary.replace(target)
    _sync_folder(target.parent)


def _is_unlocked(path: Path) -> bool:
    """Whether the file is there and no writer holds it."""
    try:
        with path.open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):
        return False
    return True


def _copy(source: IO[bytes], target: IO[bytes]) -> tuple[str, int]:
    """Copy all of `source`; return the SHA-256 and the size of what was copied."""
    source.seek(0)
    sha, size = hashlib.sha256(), 0
    while piece := source.read(PIECE):
        sha.update(piece)
        size += len(piece)
        target.write(piece)
    return sha.hexdigest(), size


def _make(folder: Path) -> None:
    """Create `folder` and what is missing above it, each forced to the disk in its parent."""
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """Force names to the disk: without it a file may be there after a power cut, and its name not."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _page(folder: Path, done: str, is_wanted: Callable[[str], bool]) -> list[str]:
    """The next names behind `done`, in order; those of folders end with a slash."""
    with disk(), os.scandir(folder) as entries:
        names = (_name(entry) for entry in entries)
        return heapq.nsmallest(PAGE, (name for name in names if name > done and is_wanted(name)))


def _name(entry: os.DirEntry[str]) -> str:
    """The name of a file or folder; "" for what is no object: links, sockets, unfinished writes."""
    if entry.is_dir(follow_symlinks=False):
        return f"{entry.name}/"
    return entry.name if entry.is_file(follow_symlinks=False) and not entry.name.startswith(TEMPORARY) else ""


def _is_wanted(key: str, prefix: str, after: str) -> bool:
    """Whether `key` (or, for a folder, something in it) begins with `prefix` and comes behind `after`."""
    if key.endswith("/"):
        return (key > after or after.startswith(key)) and (key.startswith(prefix) or prefix.startswith(key))
    return key > after and key.startswith(prefix)


def _stat(key: str, found: os.stat_result) -> Stat:
    return Stat(key, found.st_size, _time(found), etag=f"{found.st_mtime_ns:x}-{found.st_size:x}")


def _time(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, UTC)
