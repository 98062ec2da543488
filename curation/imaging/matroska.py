"""Matroska and WebM: the EBML header tells which, the segment tells how long the file must be.

Source: RFC 8794 (EBML), sections 4, 5 and 11.2; RFC 9559 (Matroska). A segment may be of unknown length (a live
recording); one that tells its length and reaches past the end was cut by a broken line.
"""

from typing import Final, NamedTuple

from curation.imaging.content import Content, Unreadable, video
from curation.imaging.reading import HeaderReader

START: Final = b"\x1a\x45\xdf\xa3"
DOC_TYPE, SEGMENT = 0x4282, 0x18538067
LONGEST_HEADER: Final = 4096  # usually 40 bytes
EXTENSIONS: Final = {b"matroska": "mkv", b"webm": "webm"}


class Element(NamedTuple):
    identity: int
    start: int  # of its content
    length: int | None  # None: not known


def read(reader: HeaderReader) -> Content:
    """Describe an mkv or webm; raise Unreadable for another document type, CutShort when bytes are missing."""
    header = _element(reader, 0)
    if header.length is None or header.length > LONGEST_HEADER:
        raise reader.broken("its header is too long")
    extension = EXTENSIONS.get(_doc_type(reader, header.start, header.start + header.length))
    if extension is None:
        raise Unreadable("This looks like a relative of Matroska that we do not keep; please send mkv or webm.")
    segment = _element(reader, header.start + header.length)
    if segment.identity != SEGMENT:
        raise reader.broken("no segment follows its header")
    if segment.length is not None and segment.start + segment.length > reader.size:
        raise reader.cut_short()
    return video(extension)


def _doc_type(reader: HeaderReader, offset: int, end: int) -> bytes:
    while offset < end:
        element = _element(reader, offset)
        if element.length is None:
            raise reader.broken("its header does not end")
        if element.identity == DOC_TYPE:
            return reader.at(element.start, min(element.length, 16)).rstrip(b"\0")
        offset = element.start + element.length
    return b""


def _element(reader: HeaderReader, offset: int) -> Element:
    identity = _number(reader, offset, longest=4)
    start = offset + len(identity)
    length = _number(reader, start, longest=8)
    bits = 7 * len(length)
    value = int.from_bytes(length, "big") & (1 << bits) - 1
    known = value != (1 << bits) - 1  # all ones: unknown
    return Element(int.from_bytes(identity, "big"), start + len(length), value if known else None)


def _number(reader: HeaderReader, offset: int, *, longest: int) -> bytes:
    """Return the bytes of a variable-length number; leading zero bits tell how many follow the first byte."""
    length = 9 - reader.at(offset, 1)[0].bit_length()
    if length > longest:
        raise reader.broken("it holds a number that is too long")
    return reader.at(offset, length)
