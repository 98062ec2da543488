"""PNG: IHDR, then a walk along the chunks for eXIf and IEND; nothing is inflated.

Source: PNG specification, third edition (W3C), sections 5, 11.2 and 11.3.4. A PNG cut by a broken line has no IEND: it
is refused so that the sender tries again. Bytes after IEND are tolerated.
"""

import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from curation.imaging import exif
from curation.imaging.content import Content, picture
from curation.imaging.reading import HeaderReader

START: Final = b"\x89PNG\r\n\x1a\n"
END: Final = b"\0\0\0\0IEND\xaeB`\x82"
FRAME: Final = 12  # length, name and checksum around a chunk's data
MOST_CHUNKS: Final = 9000  # 64 MiB in pieces of 8 KiB, as libpng writes them
TAIL: Final = 64 * 1024


class Chunk(NamedTuple):
    name: bytes
    offset: int  # of its data
    length: int


def read(reader: HeaderReader) -> Content:
    """Describe a PNG picture; raise Unreadable without a good IHDR or without data, CutShort without an end."""
    width, height = _size(reader)
    orientation, ended = 1, False
    for chunk in islice(_chunks(reader), MOST_CHUNKS):
        ended = chunk.name == b"IEND"
        if chunk.name == b"eXIf":
            orientation = exif.orientation(reader.at(chunk.offset, min(chunk.length, exif.LONGEST)))
    if not ended and not reader.contains(END, max(0, reader.size - TAIL), TAIL):
        raise reader.cut_short()
    return picture("png", width, height, orientation)


def _size(reader: HeaderReader) -> tuple[int, int]:
    header = reader.at(len(START), FRAME + 13)
    length, name, width, height, checksum = struct.unpack(">I4sII5xI", header)
    if (length, name) != (13, b"IHDR"):
        raise reader.broken("it does not begin with its size")
    if zlib.crc32(header[4:-4]) != checksum:
        raise reader.broken("the checksum of its header does not match")
    return width, height


def _chunks(reader: HeaderReader) -> Iterator[Chunk]:
    """Walk from after IHDR up to and including IEND, from length to length."""
    offset, name, data_seen = len(START) + FRAME + 13, b"", False
    while name != b"IEND":
        length, name = struct.unpack(">I4s", reader.at(offset, 8))
        if not name.isalpha():
            raise reader.broken("between its chunks stands something else")
        if offset + FRAME + length > reader.size:
            raise reader.cut_short()
        data_seen = data_seen or name == b"IDAT"
        if name == b"IEND" and not data_seen:
            raise reader.broken("it holds no picture data")
        yield Chunk(name, offset + 8, length)
        offset += FRAME + length
