"""WebP: the first chunk tells the size, an EXIF chunk the orientation.

Source: RFC 9649 (WebP) and RFC 6386, section 9.1 (VP8 frame header). RIFF tells its own length: a file shorter than
that was cut by a broken line and is refused so that the sender tries again.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from curation.imaging import exif
from curation.imaging.content import Content, picture
from curation.imaging.reading import HeaderReader

HEADER: Final = 12  # "RIFF", length, "WEBP"
FRAMES: Final = frozenset({b"VP8 ", b"VP8L", b"ANMF"})
FOURTEEN_BITS: Final = 0x3FFF


class Chunk(NamedTuple):
    name: bytes
    offset: int  # of its data
    length: int


def starts(head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:12] == b"WEBP"


def read(reader: HeaderReader) -> Content:
    """Describe a WebP picture; raise Unreadable when its chunks make no sense, CutShort when bytes are missing."""
    end = 8 + int.from_bytes(reader.at(4, 4), "little")
    if end > reader.size:
        raise reader.cut_short()
    size: tuple[int, int] | None = None
    names, orientation = set(), 1
    for chunk in _chunks(reader, end):
        size = size or _size(reader, chunk)
        names.add(chunk.name)
        if chunk.name == b"EXIF":
            orientation = exif.orientation(reader.at(chunk.offset, min(chunk.length, exif.LONGEST)))
    if size is None or not names & FRAMES:
        raise reader.broken("it holds no picture data")
    return picture("webp", *size, orientation)


def _chunks(reader: HeaderReader, end: int) -> Iterator[Chunk]:
    offset = HEADER
    while offset + 8 <= end:
        name, length = struct.unpack("<4sI", reader.at(offset, 8))
        if offset + 8 + length > end:
            raise reader.broken("a chunk reaches past its end")
        yield Chunk(name, offset + 8, length)
        offset += 8 + length + length % 2


def _size(reader: HeaderReader, chunk: Chunk) -> tuple[int, int]:
    """Return width and height, which only the first chunk tells."""
    if chunk.name == b"VP8X":
        data = reader.at(chunk.offset, 10)
        return 1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little")
    if chunk.name == b"VP8L":
        signature, bits = struct.unpack("<BI", reader.at(chunk.offset, 5))
        if signature == 0x2F:
            return 1 + (bits & FOURTEEN_BITS), 1 + (bits >> 14 & FOURTEEN_BITS)
    if chunk.name == b"VP8 ":
        code, width, height = struct.unpack("<3x3sHH", reader.at(chunk.offset, 10))
        if code == b"\x9d\x01\x2a":
            return width & FOURTEEN_BITS, height & FOURTEEN_BITS
    raise reader.broken("its first chunk does not tell its size")
