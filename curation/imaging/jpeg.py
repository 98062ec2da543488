"""JPEG: segments up to the first scan, then the end marker.

Source: ITU-T T.81, annex B; EXIF 2.32, section 4.5. A line that broke while a tower was sending leaves a picture whose
upper half looks right. Such bytes are evidence only when whole, so a JPEG without its end marker is refused and the
tower sends it again. That refuses the rare camera whose frames carry no end marker as well: the two look the same.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from curation.imaging import exif
from curation.imaging.content import Content, picture
from curation.imaging.reading import HeaderReader

START: Final = b"\xff\xd8\xff"
END: Final = b"\xff\xd9"
SIZES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF: every process, but DHT, JPG and DAC
ALONE: Final = frozenset(range(0xD0, 0xD8)) | {0x01}  # RST and TEM have no length
START_OF_SCAN, END_OF_IMAGE, APP1 = 0xDA, 0xD9, 0xE1
TAIL: Final = 64 * 1024  # some cameras append bytes of their own after the end
LONGEST_STILL: Final = 32 << 20  # a "motion photo" appends a whole video: then look from the scan onwards


class Segment(NamedTuple):
    marker: int
    offset: int  # of the first byte after the length
    length: int  # without the length itself


def read(reader: HeaderReader) -> Content:
    """Describe a JPEG picture; raise Unreadable without a size or a scan, CutShort without an end."""
    size: tuple[int, int] | None = None
    orientation: int | None = None
    for segment in _segments(reader):
        if segment.marker in SIZES:
            if size is not None:
                raise reader.broken("it gives its size twice")
            size = _size(reader, segment)
        elif segment.marker == APP1 and orientation is None:
            orientation = _orientation(reader, segment)
        elif segment.marker == START_OF_SCAN:
            break
    if size is None:
        raise reader.broken("its data begins before its size is told")
    if not _ends(reader, segment.offset):
        raise reader.cut_short()
    return picture("jpg", *size, orientation or 1)


def _segments(reader: HeaderReader) -> Iterator[Segment]:
    offset = len(END)
    while True:
        lead, marker = reader.at(offset, 2)
        if lead != 0xFF or marker in (0x00, 0xD8):
            raise reader.broken("between its segments stands something else")
        if marker == END_OF_IMAGE:
            raise reader.broken("it ends before its picture begins")
        if marker == 0xFF:  # a fill byte
            offset += 1
        elif marker in ALONE:
            offset += 2
        else:
            yield (segment := _segment(reader, marker, offset + 2))
            offset = segment.offset + segment.length


def _segment(reader: HeaderReader, marker: int, offset: int) -> Segment:
    length = int.from_bytes(reader.at(offset, 2), "big")
    if length < 2:
        raise reader.broken("a segment is shorter than its own length field")
    return Segment(marker, offset + 2, length - 2)


def _size(reader: HeaderReader, segment: Segment) -> tuple[int, int]:
    if segment.length < 6:
        raise reader.broken("its size is incomplete")
    height, width = struct.unpack(">HH", reader.at(segment.offset + 1, 4))
    return width, height


def _orientation(reader: HeaderReader, segment: Segment) -> int | None:
    """Return what an EXIF segment tells, or None for another user of APP1 (XMP)."""
    if segment.length < len(exif.PREFIX) or reader.at(segment.offset, len(exif.PREFIX)) != exif.PREFIX:
        return None
    return exif.orientation(reader.at(segment.offset, segment.length))


def _ends(reader: HeaderReader, scan: int) -> bool:
    """Look for the end marker after the scan's start only: a thumbnail in the EXIF has one of its own."""
    tail = max(scan, reader.size - TAIL)
    return reader.contains(END, tail, TAIL) or reader.contains(END, scan, LONGEST_STILL)
