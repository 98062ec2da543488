"""Damaged pictures end in Content or in a sentence; nothing else escapes."""

import random
import time
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.imaging.sniff import Content, CutShort, TooManyPixels, Unreadable, identify
from curation.tests.imaging_files import box, exif, film, noise, pictures, saved

PICTURES = pictures()
TIFFS = {
    "tif": saved(noise(), "TIFF", exif=exif(6)),
    "big tif": saved(noise(), "TIFF", big_tiff=True),
}
STARTS = [
    b"",
    *(data[:20] for data in [*PICTURES.values(), *TIFFS.values()]),
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"\x1a\x45\xdf\xa3",
    b"RIFF\x30\0\0\0AVI LIST",
    box(b"ftyp", b"isom\0\0\0\0mp42"),
    box(b"ftyp", b"qt  \0\0\0\0"),
    b"\0\0\0\x08wide",
]


def outcome(data: bytes) -> Content | Unreadable | TooManyPixels:
    """Return what identifying ends in, having looked it over; anything else escapes and fails the test."""
    result: Content | Unreadable | TooManyPixels
    try:
        result = identify(BytesIO(data))
    except (Unreadable, TooManyPixels) as refusal:
        result = refusal
    if not isinstance(result, Content):
        assert str(result).endswith(".")
    elif result.kind == "image":
        assert result.width
        assert result.height
        assert result.orientation in range(1, 9)
    return result


@pytest.mark.parametrize("name", PICTURES)
def test_every_cut_picture_is_refused(name: str) -> None:
    whole = PICTURES[name]
    assert isinstance(outcome(whole), Content)
    for length in [*range(0, len(whole), 1024), *range(40), len(whole) - 1, len(whole) - 2]:
        assert isinstance(outcome(whole[:length]), Unreadable), length


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_cut_in_its_data_is_said_to_be_cut(name: str) -> None:
    whole = PICTURES[name]
    assert isinstance(outcome(whole[: len(whole) // 2]), CutShort)


@pytest.mark.parametrize("name", TIFFS)
def test_a_cut_tiff_is_kept_or_refused(name: str) -> None:
    whole = TIFFS[name]
    assert isinstance(outcome(whole), Content)
    for length in [*range(0, len(whole), 1024), *range(400)]:
        assert isinstance(outcome(whole[:length]), Content | Unreadable)


@pytest.mark.parametrize("extension", ["mp4", "mov", "mkv", "webm", "avi"])
def test_every_cut_video_is_refused(extension: str, tmp_path: Path) -> None:
    whole = film(tmp_path / f"clip.{extension}").read_bytes()
    assert isinstance(outcome(whole), Content)
    for length in [*range(0, len(whole), 1024), *range(1, 400), len(whole) - 1]:
        assert isinstance(outcome(whole[:length]), Unreadable), length


def test_ten_thousand_flipped_bytes_end_in_content_or_a_sentence() -> None:
    dice = random.Random(76)
    everything = [*PICTURES.values(), *TIFFS.values()]
    started = time.perf_counter()
    for _ in range(10_000):
        data = bytearray(dice.choice(everything))
        place = dice.randrange(len(data)) if dice.random() < 0.3 else dice.randrange(200)
        data[place] ^= dice.randrange(1, 256)
        outcome(bytes(data))
    assert time.perf_counter() - started < 30


@settings(database=None, deadline=1_000, max_examples=400)
@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=600))
def test_random_bytes_end_in_content_or_a_sentence(start: bytes, rest: bytes) -> None:
    outcome(start + rest)


@settings(database=None, deadline=1_000, max_examples=400)
@given(
    name=st.sampled_from(sorted(PICTURES)), place=st.integers(0, 300), flip=st.integers(1, 255), size=st.integers(0, 4)
)
def test_bytes_flipped_or_lost_in_a_header_end_in_content_or_a_sentence(
    name: str, place: int, flip: int, size: int
) -> None:
    data = PICTURES[name]
    outcome(data[:place] + bytes([data[place] ^ flip]) + data[place + 1 + size :])
