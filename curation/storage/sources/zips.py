"""ZIP archives, read strictly: whatever two programs could understand differently is refused.

Stored and deflated entries, ZIP64 where it is needed. No byte of the file may belong to no entry or to two, and
the three places that describe an entry must agree.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from curation.storage.sources.base import PIECE, Alive, Entry, Source, SourceRefused, quiet
from curation.storage.sources.limits import HEAD, MOST_ENTRIES, Unpacked, refuse_nested
from curation.storage.sources.paths import Names, in_archive, printable

END, END64, LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
CENTRAL, LOCAL, DESCRIPTOR = b"PK\x01\x02", b"PK\x03\x04", b"PK\x07\x08"
END_RECORD: Final = struct.Struct("<4s4H2LH")
END64_RECORD: Final = struct.Struct("<4sQ2H2L4Q")
LOCATOR_RECORD: Final = struct.Struct("<4sLQL")
CENTRAL_RECORD: Final = struct.Struct("<4s6H3L5H2L")
LOCAL_RECORD: Final = struct.Struct("<4s5H3L2H")
LONGEST_COMMENT: Final = 65_535
MAX16, MAX32 = 0xFFFF, 0xFFFFFFFF
ENCRYPTED, DESCRIBED, PATCHED, STRONG, IS_UTF_8, MASKED = 0x1, 0x8, 0x20, 0x40, 0x800, 0x2000
STORED, DEFLATED = 0, 8
UNIX: Final = 3
KIND, REGULAR, FOLDER, SPECIAL = 0o170000, 0o100000, 0o040000, 0o6000
ZIP64_EXTRA: Final = 1
CP437_NOTE: Final = "The archive does not say how its names are written; this one was read as code page 437."


@dataclass(frozen=True, slots=True)
class Member:
    """An entry as the central directory describes it. Offsets and sizes in bytes."""

    raw: bytes
    flags: int
    method: int
    crc: int
    packed: int
    unpacked: int
    at: int  # of its local header

    @property
    def is_folder(self) -> bool:
        return self.raw.endswith(b"/")


class ZipSource(Source):
    """A ZIP archive in a seekable file, which stays the caller's."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._data: dict[int, int] = {}  # offset of a local header -> offset of the data
        self._members: list[tuple[Entry, Member]] = []

    def check(self, alive: Alive = quiet) -> None:
        """Read all of it: directory, extents, and every byte against its sum."""
        directory, size, count = _directory(self._file)
        self._members = self._list(directory, size, count)
        self._lay_out(directory)
        unpacked, packed = Unpacked(), 0
        for entry, member in self._members:
            alive()
            head, packed = b"", packed + member.packed
            for piece in self._unpack(entry.path, member):
                head = head if len(head) >= HEAD else head + piece[:HEAD]
                unpacked.add(len(piece), max(1, packed))
                alive()
            refuse_nested(entry.path, head)

    def entries(self) -> Iterator[Entry]:
        return (entry for entry, member in self._members if not member.is_folder)

    def read(self, entry: Entry) -> Iterator[bytes]:
        member: Member = entry.place  # type: ignore[assignment]
        return self._unpack(entry.path, member)

    # --- The directory -----------------------------------------------------------------------------

    def _list(self, directory: int, size: int, count: int) -> list[tuple[Entry, Member]]:
        members, names, announced = [], Names(), Unpacked()
        self._file.seek(directory)
        for member in _members(self._file, directory + size):
            announced.one_more()
            path, note = _path(member)
            if path or not member.is_folder:
                note = f"{note} {names.add(path)}".strip()
            announced.add(member.unpacked, max(1, directory))
            members.append((Entry(path, member.unpacked, note=note, place=member), member))
        if len(members) != count:
            raise SourceRefused(f"The archive announces {count} entries and lists {len(members)}.")
        return members

    def _lay_out(self, directory: int) -> None:
        """Each byte before the directory belongs to one entry."""
        expected = 0
        for entry, member in sorted(self._members, key=lambda each: each[1].at):
            if member.at < expected:
                raise SourceRefused(f"Entries of the archive overlap: {entry.path}")
            if member.at > expected:
                raise SourceRefused(f"The archive holds bytes that belong to no entry, before {entry.path}")
            self._data[member.at] = self._local(entry.path, member, directory)
            expected = self._after(entry.path, member, directory)
        if expected != directory:
            raise SourceRefused("The archive holds bytes that belong to no entry, before its directory.")

    def _local(self, path: str, member: Member, directory: int) -> int:
        """Where the data of an entry begins; its own header must agree with the directory."""
        self._file.seek(member.at)
        head = self._file.read(LOCAL_RECORD.size)
        if len(head) < LOCAL_RECORD.size or not head.startswith(LOCAL):
            raise SourceRefused(f"The directory of the archive points at no entry: {path}")
        _, _, flags, method, _, _, crc, packed, unpacked, name_length, extra_length = LOCAL_RECORD.unpack(head)
        raw = self._file.read(name_length)
        extra = _extras(self._file.read(extra_length), path)
        sums = (crc, *_sizes64(extra, (unpacked, packed), path))
        is_told_later = bool(flags & DESCRIBED) and sums == (0, 0, 0)
        told = (member.crc, member.unpacked, member.packed)
        if (raw, flags, method) != (member.raw, member.flags, member.method) or not (is_told_later or sums == told):
            raise SourceRefused(f"Two places in the archive describe an entry differently: {path}")
        data = self._file.tell()
        if data + member.packed > directory:
            raise SourceRefused(f"Entries of the archive overlap: {path}")
        return data

    def _after(self, path: str, member: Member, directory: int) -> int:
        """Where the entry ends, with what follows its data when sizes were not known at first."""
        end = self._data[member.at] + member.packed
        if not member.flags & DESCRIBED:
            return end
        self._file.seek(end)
        found = self._file.read(min(24, directory - end))
        for sizes in ("<LL", "<QQ"):
            told = struct.pack("<L", member.crc) + _packed(sizes, member.packed, member.unpacked)
            for start in (DESCRIPTOR, b""):
                if found.startswith(start + told):
                    return end + len(start + told)
        raise SourceRefused(f"Two places in the archive describe an entry differently: {path}")

    # --- Bytes -------------------------------------------------------------------------------------

    def _unpack(self, path: str, member: Member) -> Iterator[bytes]:
        """The bytes of an entry, no more than announced, and right to the last. Raises SourceRefused."""
        crc, length = 0, 0
        for piece in self._inflated(path, member) if member.method == DEFLATED else self._packed(path, member):
            crc, length = zlib.crc32(piece, crc), length + len(piece)
            if length > member.unpacked:
                break
            yield piece
        if (crc, length) != (member.crc, member.unpacked):
            raise SourceRefused(f"An entry of the archive is damaged: {path}")

    def _packed(self, path: str, member: Member) -> Iterator[bytes]:
        at, rest = self._data[member.at], member.packed
        while rest:
            self._file.seek(at)
            piece = self._file.read(min(PIECE, rest))
            if not piece:
                raise SourceRefused(f"The archive is cut short in {path}")
            at, rest = at + len(piece), rest - len(piece)
            yield piece

    def _inflated(self, path: str, member: Member) -> Iterator[bytes]:
        inflating = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for packed in self._packed(path, member):
                rest = packed
                while rest and not inflating.eof:
                    yield inflating.decompress(rest, PIECE)
                    rest = inflating.unconsumed_tail
            while not inflating.eof and (piece := inflating.decompress(b"", PIECE)):
                yield piece
        except zlib.error as error:
            raise SourceRefused(f"An entry of the archive is damaged: {path}") from error
        if not inflating.eof or inflating.unused_data:
            raise SourceRefused(f"An entry of the archive is damaged: {path}")


def _packed(form: str, *sizes: int) -> bytes:
    """Sizes in the given form; something that matches nothing when they do not fit."""
    try:
        return struct.pack(form, *sizes)
    except struct.error:
        return b"does not fit"


def _path(member: Member) -> tuple[str, str]:
    """The path of an entry and a note about it. Raises SourceRefused for a name that is none."""
    if b"\0" in member.raw:
        raise SourceRefused("The archive holds a name with a NUL byte.")
    if member.raw.isascii() or member.flags & IS_UTF_8:
        text, note = printable(member.raw)
        if note:
            raise SourceRefused(f"The archive promises UTF-8 names, and this is none: {text}")
        return in_archive(text), ""
    text, note = printable(member.raw)
    if note:
        text, note = printable(member.raw.decode("cp437").encode())[0], CP437_NOTE
    return in_archive(text), note


def _directory(file: IO[bytes]) -> tuple[int, int, int]:
    """Offset and size of the central directory, and the number of its entries. Raises SourceRefused."""
    size = file.seek(0, 2)
    start = max(0, size - END_RECORD.size - LONGEST_COMMENT)
    file.seek(start)
    tail = file.read()
    at = _end_of(tail)
    _, disk, first_disk, here, count, length, offset, _ = END_RECORD.unpack_from(tail, at)
    told = (count, length, offset)
    end = start + at
    if disk not in {0, MAX16} or first_disk not in {0, MAX16} or here != count:
        raise SourceRefused("The archive is split in parts; join them first.")
    if tail[:at][-LOCATOR_RECORD.size :].startswith(LOCATOR) or MAX16 in told[:1] or MAX32 in told[1:]:
        told, end = _end64(file, end, told)
    count, length, offset = told
    if offset + length != end:
        raise SourceRefused("The directory of the archive does not end where the archive says; something was added.")
    if count > MOST_ENTRIES:
        raise SourceRefused(f"The archive holds more than {MOST_ENTRIES} entries.")
    return offset, length, count


def _end_of(tail: bytes) -> int:
    """Where the end record lies in the last bytes of the file: exactly one reaches to the end."""
    found = []
    at = tail.find(END)
    while at >= 0:
        if len(tail) - at >= END_RECORD.size and at + END_RECORD.size + END_RECORD.unpack_from(tail, at)[7] == len(
            tail
        ):
            found.append(at)
        at = tail.find(END, at + 1)
    if not found:
        raise SourceRefused("The archive is cut short, or something was added behind its end.")
    if len(found) > 1:
        raise SourceRefused("The archive has two ends.")
    return found[0]


def _end64(file: IO[bytes], end: int, told: tuple[int, int, int]) -> tuple[tuple[int, int, int], int]:
    """What the ZIP64 records say, and where they begin; they must agree with the end record at offset `end`."""
    at = end - LOCATOR_RECORD.size
    lies = SourceRefused("The ZIP64 records of the archive contradict each other.")
    if at < 0:
        raise lies
    file.seek(at)
    start, disk, record, disks = LOCATOR_RECORD.unpack(file.read(LOCATOR_RECORD.size))
    if start != LOCATOR or disk or disks != 1 or record != at - END64_RECORD.size:
        raise lies
    file.seek(record)
    start, length, _, _, disk, first_disk, here, *large = END64_RECORD.unpack(file.read(END64_RECORD.size))
    count, size, offset = large
    if start != END64 or length != END64_RECORD.size - 12 or disk or first_disk or here != count:
        raise lies
    for small, mark, whole in zip(told, (MAX16, MAX32, MAX32), large, strict=True):
        if small not in {mark, whole}:
            raise lies
    return (count, size, offset), record


def _members(file: IO[bytes], end: int) -> Iterator[Member]:
    """The entries of the central directory, up to the offset `end`."""
    while file.tell() < end:
        head = file.read(CENTRAL_RECORD.size)
        if len(head) < CENTRAL_RECORD.size or not head.startswith(CENTRAL):
            raise SourceRefused("The directory of the archive is damaged.")
        fields = CENTRAL_RECORD.unpack(head)
        _, made_by, _, flags, method, _, _, crc, packed, unpacked, name, extra, comment, disk, _, mode, at = fields
        raw = file.read(name)
        path = printable(raw)[0][:200]
        unpacked, packed, at = _sizes64(_extras(file.read(extra), path), (unpacked, packed, at), path)
        file.seek(comment, 1)
        if file.tell() > end:
            raise SourceRefused("The directory of the archive is damaged.")
        member = Member(raw, flags, method, crc, packed, unpacked, at)
        _refuse_odd(member, path, mode >> 16 if made_by >> 8 == UNIX else 0, disk)
        yield member


def _refuse_odd(member: Member, path: str, mode: int, disk: int) -> None:
    """What is no plain file or folder, stored or deflated."""
    if member.flags & (ENCRYPTED | STRONG | MASKED):
        raise SourceRefused(f"An entry of the archive is encrypted: {path}")
    if member.method not in {STORED, DEFLATED} or member.flags & PATCHED:
        raise SourceRefused(f"An entry of the archive is packed in a way that is not supported: {path}")
    if disk:
        raise SourceRefused("The archive is split in parts; join them first.")
    if mode & KIND not in {0, REGULAR, FOLDER} or (mode & KIND == FOLDER and not member.is_folder):
        raise SourceRefused(f"The archive holds a link or a device, which is not followed: {path}")
    if mode & SPECIAL and not member.is_folder:
        raise SourceRefused(f"The archive holds a program with rights of its own: {path}")
    if (member.is_folder and member.unpacked) or (member.method == STORED and member.packed != member.unpacked):
        raise SourceRefused(f"An entry of the archive is damaged: {path}")


def _extras(raw: bytes, path: str) -> dict[int, bytes]:
    """The extra fields of an entry by their number."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(raw):
        number, length = struct.unpack_from("<HH", raw, at)
        if at + 4 + length > len(raw) or (number == ZIP64_EXTRA and number in found):
            raise SourceRefused(f"An extra field in the archive is damaged: {path}")
        found[number] = raw[at + 4 : at + 4 + length]
        at += 4 + length
    if any(raw[at:]):  # some writers pad with zeros
        raise SourceRefused(f"An extra field in the archive is damaged: {path}")
    return found


def _sizes64(extra: dict[int, bytes], fields: tuple[int, ...], path: str) -> tuple[int, ...]:
    """`fields` with those that did not fit taken from the ZIP64 field, which must have them and nothing else."""
    large = [number for number, value in enumerate(fields) if value == MAX32]
    raw = extra.get(ZIP64_EXTRA)
    if raw is None:
        if large:
            raise SourceRefused(f"The ZIP64 records of the archive contradict each other: {path}")
        return fields
    if len(raw) != 8 * len(large):
        raise SourceRefused(f"The ZIP64 records of the archive contradict each other: {path}")
    values = list(fields)
    for place, value in zip(large, struct.unpack(f"<{len(large)}Q", raw), strict=True):
        values[place] = value
    return tuple(values)
