"""A folder of this machine. Symbolic links are never followed, whenever they appear."""

from __future__ import annotations

import heapq
import os
import stat as modes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from curation.storage.sources.base import PIECE, Alive, Entry, EntryRefused, Source, SourceRefused, quiet
from curation.storage.sources.paths import printable, shown, too_long

PAGE = 20_000  # names of one folder that are held in memory at a time
DEEPEST = 64  # folders in each other
CHANGED = "The file changed while it was read; import it again."
TWIN = "Another name in this folder differs in upper and lower case only."
LINK = "It is a symbolic link, which is not followed."

Place = tuple[bytes, ...]  # parts below the folder, as the disk spells them
Order = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class _Named:
    """A name of a folder. It sorts beside those that differ in upper and lower case only."""

    raw: bytes
    kind: str  # folder | file | link | other

    @property
    def order(self) -> Order:
        text = os.fsdecode(self.raw)
        return (f"{text}/" if self.kind == "folder" else text).casefold(), self.raw


class FolderSource(Source):
    """All files below a folder, in the order of their names."""

    is_local = True
    reads_at_once = True

    def __init__(self, folder: Path) -> None:
        try:
            self._root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise SourceRefused(f"The folder cannot be read: {error.strerror}.") from error

    def check(self, alive: Alive = quiet) -> None:
        """Each file is judged when its turn comes."""

    def close(self) -> None:
        os.close(self._root)

    def entries(self) -> Iterator[Entry]:
        yield from self._walk(())

    def _walk(self, folder: Place) -> Iterator[Entry]:
        """Depth first, a page of names at a time."""
        done, before = ("", b""), ""
        while names := self._page(folder, done):
            if isinstance(names, Entry):
                yield names
                return
            for name in names:
                place = (*folder, name.raw)
                if name.kind == "folder":
                    yield from self._walk(place) if len(place) < DEEPEST else [_refused(place, "It lies too deep.")]
                else:
                    yield _entry(place, name, is_twin=name.order[0] == before)
                before = name.order[0]
            done = names[-1].order

    def _page(self, folder: Place, done: Order) -> list[_Named] | Entry:
        """The next names behind `done`, in order; a refused entry when the folder cannot be read."""
        try:
            with self._opened(folder, os.O_DIRECTORY) as descriptor, os.scandir(descriptor) as found:
                names = (_Named(os.fsencode(entry.name), _kind(entry)) for entry in found)
                return heapq.nsmallest(PAGE, (name for name in names if name.order > done), key=lambda name: name.order)
        except OSError as error:
            return _refused(folder, f"This folder cannot be read: {error.strerror}.")

    @contextmanager
    def _opened(self, place: Place, flags: int) -> Iterator[int]:
        """A file or folder below the root, opened part by part, so that no link can be slipped in between."""
        at = os.dup(self._root)
        try:
            for number, part in enumerate(place, 1):
                kind = flags if number == len(place) else os.O_DIRECTORY
                inner = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | kind, dir_fd=at)
                os.close(at)
                at = inner
            yield at
        finally:
            os.close(at)

    def read(self, entry: Entry) -> Iterator[bytes]:
        place: Place = entry.place  # type: ignore[assignment]
        try:
            with self._opened(place, 0) as descriptor:
                yield from _steady(descriptor)
        except OSError as error:
            raise EntryRefused(f"It cannot be read: {error.strerror}.") from error


def _steady(descriptor: int) -> Iterator[bytes]:
    """The bytes of a regular file, which must not change meanwhile."""
    before, length = os.fstat(descriptor), 0
    if not modes.S_ISREG(before.st_mode):
        raise EntryRefused("It is no regular file.")
    while asked := min(PIECE, before.st_size - length + 1):  # one more, to notice that it grows
        piece = os.read(descriptor, asked)
        length += len(piece)
        yield piece
        if len(piece) < asked:
            break
    after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or length != before.st_size:
        raise EntryRefused(CHANGED)


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "other"


def _entry(place: Place, name: _Named, *, is_twin: bool) -> Entry:
    path, note = printable(b"/".join(place))
    why = {"link": LINK, "other": "It is no regular file."}.get(name.kind, "") or too_long(path)
    notes = [note] * bool(note) + [TWIN] * is_twin
    return Entry(shown(path), None, why, " ".join(notes), place)


def _refused(place: Place, why: str) -> Entry:
    return Entry(shown(printable(b"/".join(place))[0]) or ".", None, why)


class FileSource(FolderSource):
    """One file."""

    def __init__(self, file: Path) -> None:
        super().__init__(file.parent)
        self._name = os.fsencode(file.name)

    def entries(self) -> Iterator[Entry]:
        yield _entry((self._name,), _Named(self._name, "file"), is_twin=False)
