"""YOLO text: written by hand from its description, and everything that is nearly it."""

from __future__ import annotations

import pytest

from curation.formats.limits import Limits
from curation.formats.refusals import CannotSay, NotOfFormat, TooComplex
from curation.formats.regions import POLYGON, PictureSize, Region
from curation.formats.writing import Options
from curation.tests.formats.files import only, read, told, write_one

GOOD = "0 0.5 0.5 0.2 0.1\n"
SMOKE = Region(0.4, 0.45, 0.6, 0.55, "smoke", 0)


def test_five_columns_are_truth_and_six_a_prediction() -> None:
    truth, seen = only(read("yolo", GOOD + "0 0.5 0.5 0.2 0.1 0.87\n")).regions
    assert truth[:4] == seen[:4] == (0.4, 0.45, 0.6, 0.55)
    assert (truth.is_prediction, truth.score, truth.where) == (False, None, "line 1")
    assert (seen.is_prediction, seen.score, seen.where) == (True, 0.87, "line 2")


@pytest.mark.parametrize("content", ["", "\n", " \t\r\n\n", "\ufeff", "\x1a"])
def test_an_empty_file_says_that_nothing_is_there(content: str) -> None:
    parsed = only(read("yolo", content, picture=PictureSize(4, 3)))
    assert (parsed.regions, parsed.problems, parsed.is_prediction) == ((), (), False)
    assert parsed.picture.size == (4, 3)


@pytest.mark.parametrize(
    "content",
    [
        "0 0.5 0.5 0.2 0.1", "\ufeff0 0.5 0.5 0.2 0.1\r\n", "0\t.5  5e-1 +0.2 0.1\r", "  0 0.50 0.5 0.2 0.1  \n\n",
        "0 0.5 0.5 0.2 0.1\x1a",
    ],
)  # fmt: skip
def test_ends_of_lines_and_spaces_do_not_matter(content: str) -> None:
    parsed = only(read("yolo", content))
    assert [region[:4] for region in parsed.regions] == [SMOKE[:4]]
    assert parsed.problems == ()


def test_every_kind_of_line_end_ends_a_line_but_no_other_character() -> None:
    assert [region.where for region in only(read("yolo", f"{GOOD}\r{GOOD}")).regions] == ["line 1", "line 3"]
    assert told(only(read("yolo", "0 0.5 0.5 0.2 0.1\u20280 0.5 0.5 0.2 0.1")))[0][1].startswith("The line has 10")


@pytest.mark.parametrize(
    "word",
    ["nan", "inf", "-inf", "Infinity", "0x1p-1", "1_0", "1,000", "0.5.5", "1e", "٣", "１", "0\0", "--1", "", "true"],
)
def test_what_is_no_decimal_number_costs_its_line_alone(word: str) -> None:
    parsed = only(read("yolo", f"0 0.5 {word} 0.2 0.1\n" + GOOD))
    assert [region.where for region in parsed.regions] == ["line 2"]
    assert [where for where, _ in told(parsed)] == ["line 1"]


@pytest.mark.parametrize("word", ["-1", "1.0", "smoke", "0x1", "1e3", "1234567890", "１"])
def test_a_class_is_a_whole_number(word: str) -> None:
    parsed = only(read("yolo", f"{word} 0.5 0.5 0.2 0.1\n" + GOOD))
    assert [region.where for region in parsed.regions] == ["line 2"]
    assert told(parsed)[0] == ("line 1", "The class is not a whole number; the line is left out.")


@pytest.mark.parametrize(("number", "kept"), [(99_999, 1), (100_000, 0)])
def test_class_numbers_end_somewhere(number: int, kept: int) -> None:
    assert len(only(read("yolo", f"{number} 0.5 0.5 0.2 0.1")).regions) == kept


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 7, 11, 1000])
def test_other_numbers_of_columns_are_told(columns: int) -> None:
    parsed = only(read("yolo", "0 " * columns + "\n" + GOOD))
    assert told(parsed) == [("line 1", f"The line has {columns} columns, not 5 or 6, and is left out.")]
    assert len(parsed.regions) == 1


def test_class_numbers_mean_something_only_with_names() -> None:
    content = GOOD + GOOD.replace("0", "2", 1)
    assert [(region.label, region.class_id) for region in only(read("yolo", content)).regions] == [("", 0), ("", 2)]
    named = only(read("yolo", content, names={0: "smoke"}))
    assert [(region.label, region.class_id) for region in named.regions] == [("smoke", 0), ("", 2)]
    assert told(named) == [("line 2", "Class 2 is not in the list of names; the region has no label.")]


# --- The rules for boxes, which all formats share ----------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "corners", "problem"),
    [
        ("0 0.1 0.5 0.2 0.2", (0.0, 0.4, 0.2, 0.6), ""),
        ("0 0.0999991 0.5 0.2 0.2", (0.0, 0.4, 0.1999991, 0.6), ""),
        ("0 0.099998 0.5 0.2 0.2", (0.0, 0.4, 0.199998, 0.6), "cut at the edge"),
        ("0 0.9 0.5000005 0.2 1.000001", (0.8, 0.0, 1.0, 1.0), ""),
        ("0 0.9 0.5 0.2 1.1", (0.8, 0.0, 1.0, 1.0), "cut at the edge"),
        ("0 1.5 0.5 0.2 0.2", None, "lies outside of the picture"),
        ("0 -1e3 0.5 0.2 0.2", None, "lies outside of the picture"),
        ("0 0.5 0.5 0 0.2", None, "has no area"),
        ("0 0.5 0.5 0.2 0.0000000001", None, "has no area"),
        ("0 0.5 0.5 -0.2 0.2", None, "negative size"),
        ("0 0.5 0.5 1e999 0.2", None, "not a number"),
        ("0 0.5 0.5 1e99999 0.2", None, "not a decimal number"),
    ],
)  # fmt: skip
def test_boxes_are_within_the_picture_and_have_an_area(
    line: str, corners: tuple[float, ...] | None, problem: str
) -> None:
    parsed = only(read("yolo", line))
    assert [region[:4] for region in parsed.regions] == ([pytest.approx(corners, abs=2e-9)] if corners else [])
    assert len(parsed.problems) == bool(problem)
    assert all(problem in sentence for _, sentence in told(parsed))


@pytest.mark.parametrize(
    ("score", "read_as"), [("0", 0.0), ("1", 1.0), ("1.0000005", 1.0), ("1.1", None), ("87", None)]
)
def test_a_score_that_is_none_is_unknown_and_still_a_prediction(score: str, read_as: float | None) -> None:
    parsed = only(read("yolo", f"0 0.5 0.5 0.2 0.1 {score}"))
    assert (parsed.regions[0].score, parsed.is_prediction) == (read_as, True)
    assert parsed.problems_count == (read_as is None)


# --- Limits ------------------------------------------------------------------------------------------------


def test_a_line_may_be_as_long_as_the_limit_and_no_longer() -> None:
    limits = Limits(line=100)
    assert len(only(read("yolo", GOOD.strip().ljust(100) + "\n" + GOOD, limits=limits)).regions) == 2
    with pytest.raises(TooComplex, match="Line 1 is longer than 100 characters"):
        read("yolo", GOOD.strip().ljust(101) + "\n" + GOOD, limits=limits)


def test_a_line_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(TooComplex, match="Line 1 is longer than 65,536"):
        read("yolo", b"0 " * 8_000_000)


def test_a_file_has_as_many_lines_and_regions_as_the_limits_say() -> None:
    assert len(only(read("yolo", GOOD * 5, limits=Limits(lines=5, regions=5))).regions) == 5
    with pytest.raises(TooComplex, match="more than 4 lines"):
        read("yolo", GOOD * 5, limits=Limits(lines=4))
    with pytest.raises(TooComplex, match="more than 4 regions"):
        read("yolo", GOOD * 5, limits=Limits(regions=4))


def test_the_first_problems_are_told_and_all_are_counted() -> None:
    parsed = only(read("yolo", "smoke\n" * 250))
    assert (len(parsed.problems), parsed.problems_count) == (100, 250)


@pytest.mark.parametrize("content", [b"\xff\xfe0\0", b"0 0.5 \xc0\x80", b"\x80"])
def test_what_is_not_utf8_is_no_text(content: bytes) -> None:
    with pytest.raises(NotOfFormat, match="UTF-8"):
        read("yolo", content)


# --- Writing -----------------------------------------------------------------------------------------------


def test_a_box_is_written_with_nine_digits() -> None:
    assert write_one("yolo", [SMOKE]) == b"0 0.500000000 0.500000000 0.200000000 0.100000000\n"
    assert write_one("yolo", []) == b""


def test_a_prediction_is_never_written_as_truth_unless_told_so() -> None:
    seen = SMOKE._replace(is_prediction=True, score=0.87)
    assert write_one("yolo", [seen]).split()[5:] == [b"0.870000000"]
    assert len(write_one("yolo", [seen], Options(predictions="as_truth")).split()) == 5
    with pytest.raises(CannotSay, match="without a score"):
        write_one("yolo", [seen._replace(score=None)])
    assert len(write_one("yolo", [seen._replace(score=None)], Options(predictions="as_truth")).split()) == 5


def test_a_polygon_is_written_as_its_box_only_when_asked_for() -> None:
    polygon = SMOKE._replace(kind=POLYGON, points=((0.4, 0.45), (0.6, 0.45), (0.5, 0.55)))
    with pytest.raises(CannotSay, match="no polygons"):
        write_one("yolo", [polygon])
    assert write_one("yolo", [polygon], Options(polygons="box")) == write_one("yolo", [SMOKE])


def test_names_number_the_classes() -> None:
    assert write_one("yolo", [SMOKE], Options(names={3: "smoke", 5: "smoke"})).startswith(b"3 ")
    with pytest.raises(CannotSay, match="'smoke'"):
        write_one("yolo", [SMOKE], Options(names={0: "fire"}))
    with pytest.raises(CannotSay, match="'smoke'"):
        write_one("yolo", [SMOKE._replace(class_id=None)])


def test_a_file_is_about_one_picture() -> None:
    from curation.tests.formats.files import FRAME, write

    for pictures in ([], [(FRAME, [SMOKE])] * 2):
        with pytest.raises(CannotSay, match="one picture"):
            write("yolo", pictures)
