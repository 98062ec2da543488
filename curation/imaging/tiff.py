"""TIFF and BigTIFF: the first directory, which is also where EXIF keeps its orientation.

Source: TIFF 6.0 (Adobe, 1992), section 2; BigTIFF design (AWare Systems). Only the first directory is read, so that
neither a cycle nor a million directories matter. Strips and tiles are not checked: a cut in them goes unnoticed here.
"""

import struct
from typing import Final, NamedTuple

from curation.imaging.content import Content, Unreadable, picture
from curation.imaging.reading import HeaderReader

STARTS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MOST_ENTRIES: Final = 4096  # cameras and scanners write a few dozen
INTEGERS: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}  # TIFF field type -> struct letter

SUBFILE_TYPE, WIDTH, HEIGHT, ORIENTATION, DNG_VERSION = 254, 256, 257, 274, 50706
WANTED: Final = frozenset({SUBFILE_TYPE, WIDTH, HEIGHT, ORIENTATION})


class Layout(NamedTuple):
    """How numbers are laid out: byte order, struct formats of a directory's length and of its entries."""

    order: str  # "<" or ">"
    length: str
    entry: str  # tag, field type, number of values, value or its place


def read(reader: HeaderReader) -> Content:
    """Describe a TIFF picture; raise Unreadable for a broken one or a raw camera file, which begins like one."""
    tags = directory(reader)
    if DNG_VERSION in tags or tags.get(SUBFILE_TYPE, 0) & 1 or reader.at(8, 2) == b"CR":
        # Their first directory is a thumbnail: boxes drawn on the picture would not fit its size.
        raise Unreadable("This looks like a raw camera file; please send the picture as JPEG, PNG or TIFF.")
    if WIDTH not in tags or HEIGHT not in tags:
        raise reader.broken("its first directory does not tell width and height")
    return picture("tif", tags[WIDTH], tags[HEIGHT], orientation_of(tags))


def orientation_of(tags: dict[int, int]) -> int:
    """Return the EXIF orientation, 1-8; what is absent or out of range counts as upright."""
    value = tags.get(ORIENTATION, 1)
    return value if 1 <= value <= 8 else 1


def directory(reader: HeaderReader) -> dict[int, int]:
    """Return the tags of the first directory that we use, by number; raise Unreadable when it makes no sense."""
    layout, offset = _layout(reader)
    width = struct.calcsize(layout.length)
    (count,) = struct.unpack(layout.length, reader.at(offset, width))
    if count > MOST_ENTRIES:
        raise reader.broken(f"its first directory claims {count} entries")
    block = reader.at(offset + width, count * struct.calcsize(layout.entry))
    tags: dict[int, int] = {}
    for tag, kind, number, value in struct.iter_unpack(layout.entry, block):
        if tag == DNG_VERSION:
            tags[tag] = 1
        elif tag in WANTED and number == 1 and kind in INTEGERS:
            tags.setdefault(tag, _integer(layout.order, kind, value))
    return tags


def _layout(reader: HeaderReader) -> tuple[Layout, int]:
    start = reader.at(0, 4)
    if start not in STARTS:
        raise reader.broken("it has no TIFF header")
    order = "<" if start.startswith(b"II") else ">"
    if b"+" not in start:
        (offset,) = struct.unpack(order + "I", reader.at(4, 4))
        return Layout(order, order + "H", order + "HHI4s"), offset
    if struct.unpack(order + "HH", reader.at(4, 4)) != (8, 0):
        raise reader.broken("its BigTIFF header does not name 8-byte places")
    (offset,) = struct.unpack(order + "Q", reader.at(8, 8))
    return Layout(order, order + "Q", order + "HHQ8s"), offset


def _integer(order: str, kind: int, value: bytes) -> int:
    letter = order + INTEGERS[kind]
    if struct.calcsize(letter) > len(value):
        return 0
    number: int = struct.unpack_from(letter, value)[0]
    return number
