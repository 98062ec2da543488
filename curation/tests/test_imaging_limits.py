"""Both sides of each limit, and bombs that must cost nothing."""

import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

import pytest

from curation.imaging import gif, mp4
from curation.imaging.jpeg import LONGEST_STILL
from curation.imaging.reading import MOST_BYTES, MOST_READS, HeaderReader
from curation.imaging.sniff import CutShort, TooManyPixels, Unreadable, identify
from curation.tests.imaging_files import box, chunk, jpeg, noise, png, saved, segment, tiff

WIDTH, HEIGHT, LONG = 256, 257, 4
SECOND, MEBIBYTE = 1.0, 1 << 20


@contextmanager
def costing(*, seconds: float = SECOND, memory: int = 2 * MEBIBYTE) -> Iterator[None]:
    """Fail when the block takes longer, or allocates more bytes at its peak."""
    started = time.perf_counter()
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < memory
    assert time.perf_counter() - started < seconds


def verdict(data: bytes) -> str:
    """Identify within the bounds of a bomb; tell how it ended."""
    file = BytesIO(data)
    with costing():
        try:
            return identify(file).extension
        except (Unreadable, TooManyPixels) as refusal:
            return type(refusal).__name__


@pytest.mark.parametrize(("width", "height"), [(5_000, 10_000), (16_384, 3_051), (3_051, 16_384), (16_384, 1)])
def test_a_picture_at_a_limit_is_kept(width: int, height: int) -> None:
    content = identify(BytesIO(png(width, height)))
    assert (content.width, content.height) == (width, height)


@pytest.mark.parametrize(
    ("width", "height", "sentence"),
    [
        (7_143, 7_001, "The picture has 50008143 pixels (7143 x 7001); it may have 50000000 at most."),
        (16_384, 3_052, "The picture has 50003968 pixels (16384 x 3052); it may have 50000000 at most."),
        (13_000, 13_000, "The picture has 169000000 pixels (13000 x 13000); it may have 50000000 at most."),
        (16_385, 1, "The picture measures 16385 x 1 pixels; a side may have 16384 at most."),
        (1, 16_385, "The picture measures 1 x 16385 pixels; a side may have 16384 at most."),
        (65_535, 1, "The picture measures 65535 x 1 pixels; a side may have 16384 at most."),
        (2**31, 1, "The picture measures 2147483648 x 1 pixels; a side may have 16384 at most."),
    ],
)
def test_a_picture_over_a_limit_is_refused_with_both_figures(width: int, height: int, sentence: str) -> None:
    with pytest.raises(TooManyPixels) as refusal:
        identify(BytesIO(png(width, height)))
    assert str(refusal.value) == sentence


def test_the_limit_is_exact_to_the_pixel() -> None:
    picture = png(101, 97)
    assert identify(BytesIO(picture), max_pixels=101 * 97, max_side=101).width == 101
    for limits in ({"max_pixels": 101 * 97 - 1}, {"max_side": 100}):
        with pytest.raises(TooManyPixels):
            identify(BytesIO(picture), **limits)


def test_every_format_is_measured_against_the_limit() -> None:
    huge = struct.pack("<HH", 65_535, 65_535)
    gif_picture = saved(noise(8, 8, "P"), "GIF")
    canvas = b"VP8X\x0a\0\0\0\0\0\0\0" + b"\xff" * 6 + b"VP8 \0\0\0\0"
    pictures = [
        jpeg(width=65_500, height=65_500),
        gif_picture[:6] + huge + gif_picture[10:],
        b"RIFF" + struct.pack("<I", 4 + len(canvas)) + b"WEBP" + canvas,
        tiff((WIDTH, LONG, 2**31), (HEIGHT, LONG, 2**31)),
        saved(noise(8, 8), "TIFF").replace(
            struct.pack("<HHIHH", 256, 4, 1, 8, 0), struct.pack("<HHII", 256, 4, 1, 2**31)
        ),
    ]
    assert [verdict(each) for each in pictures] == ["TooManyPixels"] * 5


def rows(width: int, height: int) -> bytes:
    """Deflate an empty picture of 8-bit greys."""
    return zlib.compress(bytes((width + 1) * height), 9)


def test_a_small_file_of_a_huge_picture_costs_nothing() -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 13_000, 13_000, 1, 0, 0, 0, 0))
    bomb = png(1, 1)[:8] + header + chunk(b"IDAT", rows(13_000 // 8, 13_000)) + chunk(b"IEND")
    assert len(bomb) < 25_000
    assert verdict(bomb) == "TooManyPixels"


def ifd_chain(length: int, *, cyclic: bool) -> bytes:
    """Build a TIFF of many directories, the last of which may lead back to the first."""
    first = struct.pack("<HHHIIHHII", 2, 256, 4, 1, 8, 257, 4, 1, 8)
    step = len(first) + 4
    offsets = [8 + step * number for number in range(1, length)] + [8 if cyclic else 0]
    return b"II*\0\x08\0\0\0" + b"".join(first + struct.pack("<I", offset) for offset in offsets)


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "PNG of a million chunks": (lambda: png(8, 8, chunk(b"tEXt", b"a\0b") * 1_000_000), "png"),
    "PNG with a gigabyte in zTXt": (lambda: png(8, 8, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 26)))), "png"),
    "PNG whose chunk claims 2 GiB": (lambda: png(8, 8, struct.pack(">I4s", 2**31 - 1, b"iCCP")), "CutShort"),
    "PNG whose chunk claims 4 GiB": (lambda: png(8, 8, struct.pack(">I4s", 2**32 - 1, b"eXIf")), "CutShort"),
    "PNG with 10 MB of eXIf": (lambda: png(8, 8, chunk(b"eXIf", b"II*\0" + bytes(10_000_000))), "png"),
    "PNG with a thousand eXIf": (lambda: png(8, 8, chunk(b"eXIf", bytes(60_000)) * 1_000), "Unreadable"),
    "JPEG of a million comments": (lambda: jpeg(segment(0xFE, b"x") * 1_000_000), "Unreadable"),
    "JPEG of a million fill bytes": (lambda: jpeg(b"\xff" * 1_000_000), "Unreadable"),
    "JPEG of a hundred large EXIF": (lambda: jpeg(segment(0xE1, b"Exif\0\0" + bytes(65_000)) * 100), "jpg"),
    "JPEG of 10,000 scans": (lambda: jpeg()[:-2] + segment(0xDA, b"\1\1\0\0\x3f\0") * 10_000 + b"\xff\xd9", "jpg"),
    "GIF of a million comments": (lambda: b"GIF89a\1\0\1\0\0\0\0" + b"!\xfe\1x\0" * 1_000_000, "Unreadable"),
    "WebP of a million chunks": (
        lambda: b"RIFF" + struct.pack("<I", 4 + 8_000_008) + b"WEBP" + b"VP8L\0\0\0\0" + b"XXXX\0\0\0\0" * 1_000_000,
        "Unreadable",
    ),
    "TIFF that leads back to itself": (lambda: ifd_chain(1, cyclic=True), "tif"),
    "TIFF of a cycle": (lambda: ifd_chain(3, cyclic=True), "tif"),
    "TIFF of a million directories": (lambda: ifd_chain(1_000_000, cyclic=False), "tif"),
    "TIFF of 65,535 entries": (lambda: b"II*\0\x08\0\0\0\xff\xff" + bytes(65_535 * 12), "Unreadable"),
    "BigTIFF of 2^64 entries": (lambda: b"II+\0\x08\0\0\0\x10" + bytes(7) + b"\xff" * 8, "Unreadable"),
    "BigTIFF of a place beyond all files": (lambda: b"II+\0\x08\0\0\0" + b"\xff" * 8, "CutShort"),
    "MP4 of a million boxes": (lambda: box(b"ftyp", b"isom\0\0\0\0") + box(b"free") * 1_000_000, "CutShort"),
    "MP4 of a million tracks": (
        lambda: box(b"ftyp", b"isom\0\0\0\0") + box(b"moov", box(b"trak") * 1_000_000) + box(b"mdat"),
        "mp4",
    ),
    "MP4 of 2^64 bytes": (lambda: box(b"ftyp", b"isom\0\0\0\0") + b"\0\0\0\1mdat" + b"\xff" * 8, "CutShort"),
    "Matroska of an endless header": (lambda: b"\x1a\x45\xdf\xa3\x01" + b"\xff" * 7 + bytes(99), "Unreadable"),
    "Matroska of a header of 2^48 bytes": (lambda: b"\x1a\x45\xdf\xa3\x01\x00" + b"\xfe" * 6 + bytes(99), "Unreadable"),
    "Matroska of 2,000 header elements": (
        lambda: b"\x1a\x45\xdf\xa3\x4f\xa0" + b"\xec\x80" * 2_000 + bytes(99),
        "Unreadable",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_at_once_and_costs_no_memory(name: str) -> None:
    build, expected = BOMBS[name]
    assert verdict(build()) == expected


def test_a_jpeg_with_an_appendix_is_searched_up_to_a_bound_only(tmp_path: Path) -> None:
    for beyond, expected in ((0, "jpg"), (1, "CutShort")):
        path = tmp_path / f"{beyond}.jpg"
        start = jpeg()[:-2]
        scan = len(start) - 2 - 6  # the search begins after the length of the scan's header
        with path.open("wb") as file:
            file.write(start)
            file.seek(scan + LONGEST_STILL - 2 + beyond)
            file.write(b"\xff\xd9")
            file.truncate(1 << 33)
        with path.open("rb") as file, costing(seconds=2):
            try:
                found = identify(file).extension
            except CutShort:
                found = "CutShort"
        assert found == expected


def test_an_end_that_falls_between_two_pieces_of_the_search_is_found() -> None:
    start = jpeg()[:-2]
    for shift in range(-3, 3):
        padding = bytes(64 * 1024 - 10 + shift)
        assert verdict(start + padding + b"\xff\xd9" + bytes(100_000)) == "jpg"


def test_the_end_of_a_png_of_too_many_chunks_is_looked_for_at_its_end() -> None:
    data = png(8, 8, chunk(b"tEXt", b"a\0b") * 10_000)
    assert verdict(data) == "png"
    assert verdict(data[:-12]) == "CutShort"
    assert verdict(data + bytes(60_000)) == "png"


class Counting(BytesIO):
    """A file that counts what is read from it."""

    bytes_read = 0
    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.bytes_read += len(data)
        self.reads += 1
        return data


@pytest.mark.parametrize("name", BOMBS)
def test_no_more_than_a_header_is_read(name: str) -> None:
    file = Counting(BOMBS[name][0]())
    with suppress(Unreadable, TooManyPixels):
        identify(file)
    assert file.bytes_read <= MOST_BYTES + 2 * 64 * 1024 + 512
    assert file.reads <= MOST_READS + 4


def test_a_file_that_shrinks_while_it_is_read_is_cut_short() -> None:
    file = BytesIO(bytes(100))
    reader = HeaderReader(file, "PNG picture")
    assert reader.at(90, 10) == bytes(10)
    file.truncate(95)
    with pytest.raises(CutShort, match="This PNG picture looks cut short"):
        reader.at(90, 10)


def test_a_good_picture_costs_a_few_reads() -> None:
    for form in ("JPEG", "PNG", "WEBP", "TIFF"):
        file = Counting(saved(noise(2_000, 1_000, "L"), form))
        identify(file)
        assert file.reads < 60
        assert file.bytes_read < 70_000


def test_a_recording_of_very_many_fragments_is_kept_and_its_last_ones_are_not_looked_at() -> None:
    fragments = (box(b"moof") + box(b"mdat")) * mp4.MOST_BOXES
    assert verdict(box(b"ftyp", b"isom\0\0\0\0") + box(b"moov") + fragments) == "mp4"


def test_padding_longer_than_we_look_makes_a_gif_look_cut() -> None:
    picture = saved(noise(8, 8, "P"), "GIF")
    assert verdict(picture + bytes(gif.TAIL - 2)) == "gif"
    assert verdict(picture + bytes(gif.TAIL)) == "CutShort"
