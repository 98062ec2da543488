"""What EXIF says of a photograph, and what it cannot make us believe."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from fractions import Fraction
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from curation.imaging import photo
from curation.imaging.photo import PhotoFacts, photo_facts
from curation.tests.imaging_files import saved

ALES: dict[int, Any] = {
    GPS.GPSLatitudeRef: "N", GPS.GPSLatitude: (44, 7, Fraction(3048, 100)),
    GPS.GPSLongitudeRef: "E", GPS.GPSLongitude: (4, 4, Fraction(48)),
}  # fmt: skip


def told(
    tags: dict[int, Any] | None = None, places: dict[int, Any] | None = None, main: dict[int, Any] | None = None
) -> PhotoFacts:
    """What is read back of a JPEG with these tags."""
    exif = Image.Exif()
    exif.update(main or {})
    exif._ifds[IFD.Exif] = tags or {}
    exif._ifds[IFD.GPSInfo] = places or {}
    exif[IFD.Exif], exif[IFD.GPSInfo] = 0, 0
    with Image.open(BytesIO(saved(Image.new("L", (8, 8)), "JPEG", exif=exif))) as image:
        return photo_facts(image)


def time(text: str, **more: str) -> dict[int, Any]:
    tags: dict[int, Any] = {Base[name]: value for name, value in more.items()}
    return tags | {Base.DateTimeOriginal: text}


def test_a_time_without_offset_is_taken_for_utc_and_says_so() -> None:
    facts = told(time("2024:03:06 06:45:24"))
    assert (facts.taken_at, facts.has_offset) == (datetime(2024, 3, 6, 6, 45, 24, tzinfo=UTC), False)
    assert facts.problems == []


@pytest.mark.parametrize(
    ("offset", "hour"), [("+02:00", 4), ("-05:00", 11), ("Z", 6), ("+00:00", 6), ("+0200", 4), ("+14:00", 16)]
)
def test_an_offset_is_believed(offset: str, hour: int) -> None:
    facts = told(time("2024:03:06 06:45:24", OffsetTimeOriginal=offset))
    day = 5 if offset == "+14:00" else 6
    assert (facts.taken_at, facts.has_offset) == (datetime(2024, 3, day, hour, 45, 24, tzinfo=UTC), True)


def test_fractions_of_a_second_are_kept() -> None:
    facts = told(time("2024:03:06 06:45:24", SubsecTimeOriginal="25 "))
    assert facts.taken_at == datetime(2024, 3, 6, 6, 45, 24, 250_000, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "0000:00:00 00:00:00", "    :  :     :  :  ", "\0\0\0\0"])
def test_a_clock_that_was_never_set_is_no_problem(text: str) -> None:
    facts = told(time(text))
    assert (facts.taken_at, facts.problems) == (None, [])


@pytest.mark.parametrize("text", ["yesterday", "2024:13:06 06:45:24", "2024:02:30 06:45:24", "2024:03:06", "9" * 60])
def test_a_time_that_makes_no_sense_is_said_to_make_none(text: str) -> None:
    facts = told(time(text))
    assert (facts.taken_at, facts.problems) == (None, [photo.NO_TIME])


@pytest.mark.parametrize("offset", ["+15:00", "+02:60", "Paris", "+2"])
def test_an_offset_that_makes_no_sense_leaves_utc(offset: str) -> None:
    facts = told(time("2024:03:06 06:45:24", OffsetTimeOriginal=offset))
    assert facts.taken_at == datetime(2024, 3, 6, 6, 45, 24, tzinfo=UTC)
    assert (facts.has_offset, facts.problems) == (False, [photo.NO_OFFSET])


@pytest.mark.parametrize(("text", "offset"), [("0001:01:01 00:00:00", "+02:00"), ("9999:12:31 23:59:59", "-02:00")])
def test_a_time_at_the_edge_of_the_calendar_does_not_fall_off(text: str, offset: str) -> None:
    facts = told(time(text, OffsetTimeOriginal=offset))
    assert (facts.taken_at, facts.problems) == (None, [photo.NO_TIME])


def test_when_a_program_saved_the_file_is_not_when_it_was_taken() -> None:
    assert told(main={Base.DateTime: "2024:03:06 06:45:24"}).taken_at is None
    scanned = told({Base.DateTimeDigitized: "2024:03:06 06:45:24"})
    assert scanned.taken_at == datetime(2024, 3, 6, 6, 45, 24, tzinfo=UTC)


def test_a_position_is_read_to_the_centimetre() -> None:
    facts = told(places=ALES)
    assert (facts.latitude, facts.longitude) == (44.1251333, 4.08)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({GPS.GPSLatitudeRef: "S", GPS.GPSLongitudeRef: "W"}, (-44.1251333, -4.08)),
        ({GPS.GPSLatitude: (90, 0, 0), GPS.GPSLongitude: (180, 0, 0)}, (90.0, 180.0)),
        ({GPS.GPSLatitude: (0, 0, 0), GPS.GPSLongitude: (0, 0, 0)}, (None, None)),
    ],
)
def test_hemispheres_edges_and_no_satellites(change: dict[int, Any], expected: tuple[float, float]) -> None:
    facts = told(places=ALES | change)
    assert (facts.latitude, facts.longitude, facts.problems) == (*expected, [])


@pytest.mark.parametrize(
    "change",
    [
        {GPS.GPSLatitude: (90, 0, 1)},
        {GPS.GPSLongitude: (180, 1, 0)},
        {GPS.GPSLatitudeRef: "Q"},
        {GPS.GPSLatitude: (0, 0, 0, 0)},
    ],
)
def test_a_position_on_no_globe_is_left_out(change: dict[int, Any]) -> None:
    facts = told(places=ALES | change)
    assert (facts.latitude, facts.longitude, facts.problems) == (None, None, [photo.NO_POSITION])


def test_the_model_is_kept_without_padding_and_bounded() -> None:
    assert told(main={Base.Model: "Mast 7 \0\0junk"}).camera_model == "Mast 7"
    assert told(main={Base.Model: "x" * 500}).camera_model == "x" * 100
    assert told(main={Base.Model: "a\nb\x1b[31m"}).camera_model == "ab[31m"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_no_exif_block_whatever_its_bytes_raises(block: bytes, has_header: bool) -> None:
    header = b"Exif\0\0II*\0\x08\0\0\0" if has_header else b"Exif\0\0"
    content = saved(Image.new("L", (8, 8)), "JPEG", exif=header + block)
    with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(content)) as image:
        photo_facts(image)


def test_a_block_that_ends_too_early_is_said_to() -> None:
    block = Image.Exif()
    block[Base.Model] = "a camera with a long name"
    content = saved(Image.new("L", (8, 8)), "JPEG", exif=block.tobytes()[:-12])
    with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(content)) as image:
        facts = photo_facts(image)
    assert facts.problems == [photo.BROKEN_PARTS]
