"""GIF: the logical screen, the first image, and the trailer.

Source: GIF89a specification (CompuServe, 1990), sections 18, 20 and 27. The first image is read as well because it may
be larger than the screen, and decoders then grow the picture. A GIF cut by a broken line has no trailer: it is refused
so that the sender tries again.
"""

import struct
from typing import Final

from curation.imaging.content import Content, picture
from curation.imaging.reading import HeaderReader

STARTS: Final = (b"GIF87a", b"GIF89a")
SCREEN: Final = 13  # bytes of signature and logical screen descriptor
EXTENSION, IMAGE = 0x21, 0x2C
END: Final = b"\0;"  # the last block's terminator, then the trailer
PADDING: Final = b"\0\r\n"  # what transfers and file systems append
TAIL: Final = 4096


def read(reader: HeaderReader) -> Content:
    """Describe a GIF by its first image; raise Unreadable without one, CutShort without a trailer."""
    width, height, flags = struct.unpack("<6xHHBxx", reader.at(0, SCREEN))
    offset = _first_image(reader, SCREEN + _colours(flags))
    left, top, wide, high = struct.unpack("<HHHH", reader.at(offset + 1, 8))
    tail = min(TAIL, reader.size)
    if not reader.at(reader.size - tail, tail).rstrip(PADDING).endswith(END):
        raise reader.cut_short()
    return picture("gif", max(width, left + wide), max(height, top + high), 1)


def _colours(flags: int) -> int:
    """Return the length of the global colour table, in bytes."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _first_image(reader: HeaderReader, offset: int) -> int:
    """Return where the first image descriptor stands, past comments, loops and delays."""
    while (kind := reader.at(offset, 1)[0]) != IMAGE:
        if kind != EXTENSION:
            raise reader.broken("no picture follows its header")
        offset += 2
        while length := reader.at(offset, 1)[0]:
            offset += 1 + length
        offset += 1
    return offset
