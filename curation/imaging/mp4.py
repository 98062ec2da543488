"""MP4 and QuickTime: the boxes at the top, and what `moov` tells of size and duration.

Source: ISO/IEC 14496-12, sections 4.2, 4.3, 8.2.2 and 8.3.2; QuickTime File Format (Apple). A recording that lost its
power or its line has no `moov`, or a box that reaches past the end: it is refused so that the sender tries again.
"""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from curation.imaging.content import Content, CutShort, Unreadable, video
from curation.imaging.reading import HeaderReader

MOST_BOXES: Final = 9000  # a fragmented recording has two for each fragment
MOST_INSIDE: Final = 32  # in `moov` and in each track: beyond that no camera goes
LONGEST_BRANDS: Final = 256
OLD_STARTS: Final = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})  # QuickTime before `ftyp`
VIDEO_BRANDS: Final = (b"iso", b"mp4", b"avc", b"M4V", b"dash", b"MSNV")
STILL_BRANDS: Final = (b"hei", b"hev", b"mif", b"msf", b"avi", b"miaf", b"crx")
SOUND_BRANDS: Final = (b"M4A", b"M4B", b"M4P")
QUICKTIME: Final = b"qt  "


class Box(NamedTuple):
    name: bytes
    start: int  # of its content
    end: int


class Measures(NamedTuple):
    width: int | None = None  # pixels, upright
    height: int | None = None
    duration: float | None = None  # seconds


def starts(head: bytes) -> bool:
    """Tell by the first box; where a size should stand, a text such as "The free ..." has letters."""
    has_size = any(not 0x20 <= byte < 0x7F for byte in head[:4])
    return head[4:8] == b"ftyp" or (has_size and head[4:8] in OLD_STARTS)


def read(reader: HeaderReader) -> Content:
    """Describe an mp4 or mov; raise Unreadable for a relative that is no video, CutShort for an unfinished one."""
    extension = _extension(reader)
    movie: Box | None = None
    has_media = False
    for box in islice(_boxes(reader, 0, reader.size), MOST_BOXES):
        if box.end > reader.size:
            raise reader.cut_short()
        if box.name == b"moov":
            movie = movie or box
        has_media = has_media or box.name in (b"mdat", b"moof")
    if movie is None or not has_media:
        raise reader.cut_short()
    return video(extension, *_measures(reader, movie))


def _extension(reader: HeaderReader) -> str:
    size, name = struct.unpack(">I4s", reader.at(0, 8))
    if name != b"ftyp":
        return "mov"
    if size < 16:
        raise reader.broken("it does not name its brand")
    data = reader.at(8, min(size - 8, LONGEST_BRANDS))
    return _by_brand(data[:4], [data[i : i + 4] for i in range(8, len(data), 4)])


def _by_brand(brand: bytes, others: list[bytes]) -> str:
    """Choose by the major brand; an unknown one (Sony's XAVC) may name a common one beside it."""
    if brand == QUICKTIME:
        return "mov"
    if brand.startswith(STILL_BRANDS):
        raise Unreadable("This looks like a HEIC or AVIF picture; please send it as JPEG, PNG, WebP, GIF or TIFF.")
    if brand.startswith(SOUND_BRANDS):
        raise Unreadable("This looks like a sound recording; a media is a picture or a video.")
    if any(each.startswith(VIDEO_BRANDS) for each in [brand, *others]):
        return "mp4"
    raise Unreadable("This looks like a relative of MP4 that we do not keep; please send mp4, mov, mkv, webm or avi.")


def _boxes(reader: HeaderReader, start: int, end: int) -> Iterator[Box]:
    """Walk from size to size; stop quietly at what is no box, such as the padding some recorders append."""
    while start + 8 <= end:
        size, name = struct.unpack(">I4s", reader.at(start, 8))
        content = start + 8
        if size == 1:
            size, content = int.from_bytes(reader.at(content, 8), "big"), content + 8
        elif size == 0:  # up to the end
            size = end - start
        if size < content - start or not _is_name(name):
            return
        yield Box(name, content, start + size)
        start += size


def _inside(reader: HeaderReader, parent: Box) -> Iterator[Box]:
    """Walk the first boxes inside another, past whose end none may reach."""
    for box in islice(_boxes(reader, parent.start, parent.end), MOST_INSIDE):
        yield box._replace(end=min(box.end, parent.end))


def _is_name(name: bytes) -> bool:
    return all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in name)  # Apple's own begin with a copyright sign


def _measures(reader: HeaderReader, movie: Box) -> Measures:
    """Return what is easily told: a video without it is kept, and measured when it is first decoded."""
    measures = Measures()
    try:
        for box in _inside(reader, movie):
            if box.name == b"mvhd":
                measures = measures._replace(duration=_duration(reader, box))
            elif box.name == b"trak" and measures.width is None:
                width, height = _track_size(reader, box)
                measures = measures._replace(width=width, height=height)
    except Unreadable:
        pass
    return measures


def _duration(reader: HeaderReader, box: Box) -> float | None:
    """Return seconds; None for 0 (a fragmented file) and for all ones, which mean unknown."""
    layout = ">I16xIQ" if _version(reader, box) == 1 else ">I8xII"
    _, scale, length = struct.unpack(layout, _content(reader, box, struct.calcsize(layout)))
    unknown = (0, 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF)
    return None if scale == 0 or length in unknown else length / scale


def _track_size(reader: HeaderReader, track: Box) -> tuple[int | None, int | None]:
    """Return the upright size of a track, or twice None for sound, which has none."""
    for box in _inside(reader, track):
        if box.name == b"tkhd":
            before = 52 if _version(reader, box) == 1 else 40  # version 1 has 8-byte times
            data = _content(reader, box, before + 44)[before:]
            a, d, width, height = struct.unpack(">i12xi16xII", data)
            width, height = width >> 16, height >> 16  # 16.16 fixed point
            if width and height:
                return (height, width) if a == d == 0 else (width, height)  # a matrix turned by a quarter
    return None, None


def _version(reader: HeaderReader, box: Box) -> int:
    return _content(reader, box, 1)[0]


def _content(reader: HeaderReader, box: Box, length: int) -> bytes:
    if box.start + length > box.end:
        raise CutShort(f"The box {box.name!r} is too short.")
    return reader.at(box.start, length)
