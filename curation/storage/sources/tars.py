"""TAR archives, plain or gzipped, read strictly and as they come: nothing is kept of one entry when the next begins."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Final

from curation.storage.sources.base import PIECE, Alive, Entry, Source, SourceRefused, quiet
from curation.storage.sources.limits import HEAD, MOST_ENTRIES, Unpacked, refuse_nested
from curation.storage.sources.paths import Names, in_archive, printable

BLOCK: Final = 512
LONGEST_HEADER: Final = 64 * 1024  # bytes of a PAX header
MOST_HEADERS: Final = 4 * MOST_ENTRIES
FILES, FOLDER, PAX, PAX_FOR_ALL, GNU_NAME = {b"0", b"\0"}, b"5", b"x", b"g", b"L"
SPECIAL: Final = 0o6000
LINKS: Final = {b"1", b"2", b"K"}
HARMLESS: Final = {
    "atime", "ctime", "mtime", "uid", "gid", "uname", "gname", "comment", "charset", "hdrcharset",
}  # fmt: skip
PREFIXES: Final = ("SCHILY.", "LIBARCHIVE.")  # attributes and times
CUT: Final = "The archive is cut short."


class _Plain:
    """The bytes of a file from its beginning, one after the other."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        file.seek(0)

    def read(self, size: int) -> bytes:
        """`size` bytes, or as many as there are."""
        return self._file.read(size)

    @property
    def packed(self) -> int:
        return self._file.tell()


class _Gzipped:
    """The same of a gzipped file, a piece in memory at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        file.seek(0)
        self._inflating = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._ready, self._rest = b"", b""

    def read(self, size: int) -> bytes:
        found = [self._ready]
        length = len(self._ready)
        while length < size and (piece := self._more()):
            found.append(piece)
            length += len(piece)
        whole = b"".join(found)
        self._ready = whole[size:]
        return whole[:size]

    def _more(self) -> bytes:
        try:
            while not self._inflating.eof:
                packed = self._rest or self._file.read(PIECE)
                piece = self._inflating.decompress(packed, PIECE)
                self._rest = self._inflating.unconsumed_tail
                if piece:
                    return piece
                if not packed:
                    raise SourceRefused(CUT)
        except zlib.error as error:
            raise SourceRefused("The archive is damaged: it cannot be unpacked.") from error
        if self._inflating.unused_data or self._rest or self._file.read(1):
            raise SourceRefused("Something was added behind the end of the archive.")
        return b""

    @property
    def packed(self) -> int:
        return self._file.tell()


@dataclass(slots=True)
class _Found:
    """A regular file in the stream: the bytes that follow are its own."""

    path: str
    size: int
    note: str = ""


class TarSource(Source):
    """A TAR archive in a seekable file, which stays the caller's."""

    def __init__(self, file: IO[bytes], *, gzipped: bool) -> None:
        self._file, self._gzipped = file, gzipped
        self._reading: _Reading | None = None

    def check(self, alive: Alive = quiet) -> None:
        """Read all of it: headers, names and bytes."""
        reading, names = self._begin(), Names()
        for found in reading.files():
            alive()
            names.add(found.path)
            head = b""
            for piece in reading.content():
                head = head if len(head) >= HEAD else head + piece[:HEAD]
                alive()
            refuse_nested(found.path, head)

    def _begin(self) -> _Reading:
        return _Reading(_Gzipped(self._file) if self._gzipped else _Plain(self._file))

    def entries(self) -> Iterator[Entry]:
        self._reading, names = self._begin(), Names()
        for found in self._reading.files():
            yield Entry(found.path, found.size, note=f"{found.note} {names.add(found.path)}".strip())

    def read(self, entry: Entry) -> Iterator[bytes]:
        if self._reading is None:
            raise SourceRefused("An entry is read when its turn has come.")
        return self._reading.content()


@dataclass(slots=True)
class _Reading:
    """One pass through a TAR archive."""

    stream: _Plain | _Gzipped
    unpacked: Unpacked = field(default_factory=Unpacked)
    headers: int = 0
    rest: int = 0  # bytes of the present entry that were not read yet
    padding: int = 0

    def files(self) -> Iterator[_Found]:
        long_name, pax = b"", dict[str, str]()
        while (block := self._block()) is not None:
            kind, size = block[156:157], _number(block[124:136])
            raw = _name(block)
            if kind in {PAX, PAX_FOR_ALL, GNU_NAME}:
                content = self._header(size)
                if kind == GNU_NAME:
                    long_name = content.rstrip(b"\0")
                else:
                    pax = _pax(content) if kind == PAX else _pax_for_all(content, pax)
                continue
            self.unpacked.one_more()
            path, note = self._path(pax.get("path", "").encode() or long_name or raw)
            if kind == FOLDER and not size:
                long_name, pax = b"", {}
                continue
            _refuse_odd(kind, _number(block[100:108]), path)
            if kind not in FILES or (raw.endswith(b"/") and kind == b"\0"):
                raise SourceRefused(f"The archive holds something that is no plain file: {path}")
            size = _pax_size(pax, size, path)
            self.rest, self.padding = size, -size % BLOCK
            yield _Found(path, size, note)
            for _ in self.content():
                continue
            long_name, pax = b"", {}
        self._nothing_follows()

    def _path(self, raw: bytes) -> tuple[str, str]:
        if b"\0" in raw:
            raise SourceRefused("The archive holds a name with a NUL byte.")
        text, note = printable(raw)
        return in_archive(text), note

    def _block(self) -> bytes | None:
        """The next header; None at the end, which is two blocks of zeros."""
        self.headers += 1
        if self.headers > MOST_HEADERS:
            raise SourceRefused("The archive holds too many headers.")
        block = self._read(BLOCK)
        if not any(block):
            if any(self._read(BLOCK)):
                raise SourceRefused("The archive is damaged: it ends in the middle.")
            return None
        announced = _number(block[148:156])
        if sum(block) - sum(block[148:156]) + 8 * 0x20 != announced:
            raise SourceRefused("The archive is damaged: a header has a wrong sum.")
        return block

    def _read(self, size: int) -> bytes:
        found = self.stream.read(size)
        if len(found) < size:
            raise SourceRefused(CUT)
        self.unpacked.add(size, max(1, self.stream.packed))
        return found

    def _header(self, size: int) -> bytes:
        if size > LONGEST_HEADER:
            raise SourceRefused("A header of the archive is too long.")
        return self._read(size + -size % BLOCK)[:size]

    def content(self) -> Iterator[bytes]:
        """What was not read yet of the present entry."""
        while self.rest:
            piece = self._read(min(PIECE, self.rest))
            self.rest -= len(piece)
            yield piece
        if self.padding:
            self._read(self.padding)
            self.padding = 0

    def _nothing_follows(self) -> None:
        while piece := self.stream.read(PIECE):
            if any(piece):
                raise SourceRefused("Something was added behind the end of the archive.")
            self.unpacked.add(len(piece), max(1, self.stream.packed))


def _refuse_odd(kind: bytes, mode: int, path: str) -> None:
    if kind in LINKS:
        raise SourceRefused(f"The archive holds a link, which is not followed: {path}")
    if kind in {b"3", b"4", b"6"}:
        raise SourceRefused(f"The archive holds a device, which is not opened: {path}")
    if kind == b"S":
        raise SourceRefused(f"The archive holds a file with holes, which is not supported: {path}")
    if mode & SPECIAL:
        raise SourceRefused(f"The archive holds a program with rights of its own: {path}")


def _number(raw: bytes) -> int:
    """A number of a header: octal digits, or binary behind a set first bit. Raises SourceRefused."""
    if raw[0] == 0x80:
        return int.from_bytes(raw[1:], "big")
    digits = raw.strip(b" \0")
    if not digits:
        return 0
    if digits.strip(b"01234567"):
        raise SourceRefused("The archive is damaged: a number in a header is none.")
    return int(digits, 8)


def _name(block: bytes) -> bytes:
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _pax(content: bytes) -> dict[str, str]:
    """The records of a PAX header: "length key=value" and a line feed, each. Raises SourceRefused."""
    damaged = SourceRefused("The archive is damaged: a PAX header cannot be read.")
    found: dict[str, str] = {}
    while content:
        digits = content.partition(b" ")[0]
        if not digits.isdigit() or len(digits) > 6 or not len(digits) + 3 < int(digits) <= len(content):
            raise damaged
        record, content = content[len(digits) + 1 : int(digits)], content[int(digits) :]
        key, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise damaged
        try:
            name = key.decode()
            found[name] = value[:-1].decode() if name in {"path", "size"} else ""
        except UnicodeDecodeError as error:
            raise damaged from error
        _refuse_unknown(name)
    return found


def _refuse_unknown(name: str) -> None:
    if name.startswith("GNU.sparse"):
        raise SourceRefused("The archive holds a file with holes, which is not supported.")
    if name not in HARMLESS | {"path", "size", "linkpath"} and not name.startswith(PREFIXES):
        raise SourceRefused(f"A PAX header of the archive says something unknown: {name[:100]!r}")


def _pax_for_all(content: bytes, pax: dict[str, str]) -> dict[str, str]:
    """A header for all entries, which may change nothing that matters."""
    if {"path", "size", "linkpath"} & set(_pax(content)):
        raise SourceRefused("A PAX header of the archive gives all entries one name or size.")
    return pax


def _pax_size(pax: dict[str, str], size: int, path: str) -> int:
    told = pax.get("size")
    if told is None:
        return size
    if not told.isascii() or not told.isdigit() or len(told) > 18:
        raise SourceRefused(f"The archive is damaged: {path} has no size.")
    return int(told)
