"""What a file looks like, in words: only for the sentence that refuses it."""

import codecs
from typing import Final

ENOUGH: Final = 512  # bytes of a file that tell what it looks like

SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF-", "a PDF"),
    (b"%!PS", "an EPS or PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "an EPS document"),
    (b"8BPS", "a Photoshop picture (PSD)"),
    (b"SIMPLE  =", "a FITS picture"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"icns", "an ICNS icon"),
    (b"\0\0\1\0", "an ICO icon"),
    (b"\xd7\xcd\xc6\x9a", "a WMF drawing"),
    (b"STARTFONT ", "a BDF font"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"OggS", "an Ogg file"),
    (b"FLV\x01", "a Flash video"),
    (b"ID3", "an MP3 sound recording"),
    (b"fLaC", "a FLAC sound recording"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file"),
    (b"\0\0\1\xba", "an MPEG program stream"),
    (b"\0\0\1\xb3", "an MPEG video stream"),
    (b"#EXTM3U", "an HLS playlist"),
    (b"ffconcat", "a list of videos"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"II+\0", "a TIFF picture"),
    (b"MM\0+", "a TIFF picture"),
    (b"\x1a\x45\xdf\xa3", "a Matroska video"),
)
PICKLES: Final = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
RIFFS: Final = {b"WEBP": "a WebP picture", b"AVI ": "an AVI video", b"WAVE": "a WAV sound recording"}
UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
MARKUP: Final = ((b"<svg", "an SVG drawing"), (b"<!doctype html", "a web page"), (b"<html", "a web page"))


def looks_like(head: bytes) -> str:
    """Name what begins with `head` (its first ENOUGH bytes), with its article; "" when it is not known."""
    return by_signature(head) or _by_letters(head)


def by_signature(head: bytes) -> str:
    """Name what the very first bytes give away; "" for plain text and for the unknown."""
    for start, name in SIGNATURES:
        if head.startswith(start):
            return name
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return "a BMP picture"
    if head.startswith(b"RIFF"):
        return RIFFS.get(head[8:12], "a RIFF file")
    if head[4:8] == b"ftyp":
        return "an MP4 video or one of its relatives"
    if head.startswith(PICKLES):
        return "a Python pickle"
    return "UTF-16 text" if head.startswith(UTF_16) else ""


def _by_letters(head: bytes) -> str:
    lowered = head.lower().removeprefix(codecs.BOM_UTF8).lstrip()
    for mark, name in MARKUP:
        if lowered.startswith(b"<") and mark in lowered:
            return name
    return "text" if head and not any(byte < 9 or 13 < byte < 32 or byte > 126 for byte in head) else ""
