"""Where exported files are put: beside their place until all of them are whole, then in it."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from accounts.refusals import Conflict, Full, Invalid

THERE = "{} is there already; --force writes over it."


class Target(Protocol):
    """name: path within a folder; of a single file it does not count."""

    def open(self, name: str) -> IO[bytes]: ...


class Nowhere:
    """A trial."""

    def open(self, name: str) -> IO[bytes]:
        return Path(os.devnull).open("wb")


class _OneFile:
    def __init__(self, made: Path) -> None:
        self._made = made

    def open(self, name: str) -> IO[bytes]:
        return self._made.open("xb")


class _Folder:
    def __init__(self, made: Path) -> None:
        self._made = made
        made.mkdir()

    def open(self, name: str) -> IO[bytes]:
        """Raises FileExistsError: a name is given once."""
        path = self._made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")


@contextmanager
def placed(out: Path, *, many: bool, force: bool) -> Iterator[Target]:
    """many: one file takes many pictures, so `out` is that file; else it is a folder, new or empty.

    force: a file that is there is replaced, and those of a folder whose names return; others stay. What raises inside
    of the block leaves `out` as it was. Raises Conflict, Invalid, Full.
    """
    out = out.resolve()
    _check(out, many=many, force=force)
    made = out.parent / f".{out.name}-{secrets.token_hex(6)}.part"
    try:
        with _told():
            yield _OneFile(made) if many else _Folder(made)
            _check(out, many=many, force=force)
            _move(made, out)
    finally:
        made.unlink(missing_ok=True) if many else shutil.rmtree(made, ignore_errors=True)


def _check(out: Path, *, many: bool, force: bool) -> None:
    if not out.parent.is_dir():
        raise Invalid(f"There is no folder {out.parent}.", "body", "out")
    if not os.path.lexists(out):
        return
    if out.is_dir() is many:
        raise Invalid(f"{out} is a {'folder' if many else 'file'}, and should be none.", "body", "out")
    if not force and (many or any(out.iterdir())):
        raise Conflict(THERE.format(out))


def _move(made: Path, out: Path) -> None:
    if made.is_file() or not out.exists():
        made.replace(out)
        return
    for folder, _, names in os.walk(made):
        place = out / Path(folder).relative_to(made)
        place.mkdir(exist_ok=True)
        for name in names:
            (Path(folder) / name).replace(place / name)


@contextmanager
def _told() -> Iterator[None]:
    """What the disk says, as a sentence."""
    try:
        yield
    except OSError as error:
        raise Full(f"It could not be written: {error.strerror or error}.") from error
