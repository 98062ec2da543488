"""What names of pictures say, and patterns that operators add."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.formats import names
from pyrostorage_site.checks import name_patterns_can_be_used

FIRST = "pyronear-sdis-07_brison_127_2024-03-06T06-45-24"
MORNING = datetime(2024, 3, 6, 6, 45, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("path", "source", "camera", "azimuth", "captured_at", "sequence"),
    [
        (f"{FIRST}/images/{FIRST}.jpg", "pyronear-sdis-07", "brison", 127, MORNING, FIRST),
        (f"train/images/{FIRST}.jpg", "pyronear-sdis-07", "brison", 127, MORNING, ""),
        ("sdis-07_brison-110_2024-03-06T06-45-24.jpg", "sdis-07", "brison", 110, MORNING, ""),
        ("sdis-07_hill-01_2024-03-06T06-45-24.jpg", "sdis-07", "hill-01", None, MORNING, ""),
        ("pyronear_sdis-07_brison-110_2024-03-06T06-45-24.jpg", "pyronear_sdis-07", "brison", 110, MORNING, ""),
        ("Pyronear_mont_brison_110_2024_03_06T06_45_24.jpg", "Pyronear", "mont_brison", 110, MORNING, ""),
        ("Pyronear_mont_brison_2024_03_06T06_45_24.jpg", "Pyronear", "mont_brison", None, MORNING, ""),
        ("ridge_200_2024-03-06T06-45-24.png", "", "ridge", 200, MORNING, ""),
        ("wildfire/seq-1/images/synth_2024-03-06T06-45-24.jpg", "", "synth", None, MORNING, "seq-1"),
        ("20160604_FIRE_rm-n-mobo-c/1709707524_+00000.jpg", "", "rm-n-mobo-c", None, MORNING,
         "20160604_FIRE_rm-n-mobo-c"),
    ],
)  # fmt: skip
def test_names_of_this_field_are_understood(
    path: str, source: str, camera: str, azimuth: int | None, captured_at: datetime, sequence: str
) -> None:
    assert names.read(path) == names.Named(True, source, camera, azimuth, captured_at, sequence)


@pytest.mark.parametrize(("written", "azimuth"), [("0", 0), ("359", 359), ("360", 0), ("999", None)])
def test_azimuths_are_brought_to_one_form(written: str, azimuth: int | None) -> None:
    said = names.read(f"a_b_{written}_2024-03-06T06-45-24.jpg")
    assert (said.azimuth, said.note) == (azimuth, "")


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("a_b_361_2024-03-06T06-45-24.jpg", "azimuth 361"),
        ("a_b_998_2024-03-06T06-45-24.jpg", "azimuth 998"),
        ("a_b_1_2024-02-30T06-45-24.jpg", "time 2024-02-30T06-45-24"),
        (f"{'a' * 101}_b_1_2024-03-06T06-45-24.jpg", "longer than 100"),
        ("IMG_0001.jpg", "fits no pattern"),
        ("fire2_mp4-81_jpg.rf.649173e6ec181e3eaec30a447ba11727.jpg", "fits no pattern"),
        ("_" * 190 + "2024-03-06T06-45-24.jpg", "fits no pattern"),
    ],
)
def test_what_is_odd_is_noted_and_not_guessed(name: str, note: str) -> None:
    assert note in names.read(name).note


PART = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="_/"), min_size=1, max_size=40)
MOMENT = st.integers(0, 253_402_300_799).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(source=PART, camera=PART, azimuth=st.one_of(st.none(), st.integers(0, 359)), at=MOMENT)
def test_what_is_written_into_a_name_is_read_from_it(
    source: str, camera: str, azimuth: int | None, at: datetime
) -> None:
    written = 999 if azimuth is None else azimuth
    stem = f"{source}_{camera}_{written}_{at:%Y-%m-%dT%H-%M-%S}"
    for path in (f"{stem}.jpg", f"{stem}/images/{stem}.jpg"):
        sequence = stem if "/" in path else ""
        assert names.read(path) == names.Named(True, source, camera, azimuth, at, sequence)


@given(st.text(max_size=600))
def test_no_name_is_too_strange(path: str) -> None:
    said = names.read(path)
    assert said.azimuth is None or 0 <= said.azimuth <= 359
    assert max(len(said.source), len(said.camera)) <= 100
    assert len(said.sequence) <= 255


def test_patterns_of_the_operator_come_first() -> None:
    pattern = r"(?P<camera>[a-z]++)-(?P<time>[0-9]{8}T[0-9]{6})"
    assert names.read("mast-20240306T064524.jpg").captured_at is None
    said = names.read("mast-20240306T064524.jpg", [pattern])
    assert (said.camera, said.captured_at) == ("mast", MORNING)


def test_a_pattern_with_a_slash_sees_the_folder() -> None:
    said = names.read("mast-7/images/0001.jpg", [r"(?P<camera>[a-z]+-[0-9]+)/[0-9]{4}"])
    assert said.camera == "mast-7"


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(?P<camera>", "no regular expression"),
        ("abc", "names no group"),
        ("(?P<tower>a)", "names a group 'tower'"),
        ("(?P<camera>(a+)+)b", "repeats what repeats"),
        ("(?P<camera>(?:ab|a)*)b", "alternatives"),
        ("(?P<camera>.+)(.+)(.+)(.+)x", "repeats too much"),
        (r"(?P<camera>a)\1", "looks around or back"),
        ("(?P<camera>a)(?=b)", "looks around or back"),
    ],
)
def test_a_pattern_that_cannot_be_used_stops_the_start(settings: Any, pattern: str, why: str) -> None:
    settings.INGEST_NAME_PATTERNS = [names.BUILT_IN[0], pattern]
    [problem] = name_patterns_can_be_used()
    assert problem.id == "pyrostorage.E009"
    assert problem.msg.startswith("Pattern 2 of INGEST_NAME_PATTERNS")
    assert why in problem.msg


def test_the_built_in_patterns_could_be_the_operators_own(settings: Any) -> None:
    settings.INGEST_NAME_PATTERNS = list(names.BUILT_IN)
    assert list(name_patterns_can_be_used()) == []


def test_the_worst_allowed_pattern_ends_soon() -> None:
    pattern = "(?P<camera>.+)(.+)(.+)x"
    names.check([pattern])
    started = time.monotonic()
    assert not names.read("y" * names.LONGEST + ".jpg", [pattern]).fits
    assert time.monotonic() - started < 5
