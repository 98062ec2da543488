"""Our CSV, as docs/formats.md describes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation.formats.csvtable import COLUMNS
from curation.formats.limits import Limits
from curation.formats.refusals import NotOfFormat, TooComplex
from curation.formats.regions import POLYGON, PictureRef, Region
from curation.formats.writing import Options
from curation.tests.formats.files import only, pictures, read, told, write, write_one

HEAD = "path,kind,label,x1,y1,x2,y2\n"
ROW = "a.jpg,box,smoke,0.1,0.2,0.3,0.4\n"
SMOKE = Region(0.1, 0.2, 0.3, 0.4, "smoke")


def test_a_line_is_a_region_and_pictures_are_put_together() -> None:
    first, second = pictures(read("csv", HEAD + ROW + ROW.replace("a.jpg", "b.jpg") + ROW))
    assert (first.picture.path, second.picture.path) == ("a.jpg", "b.jpg")
    assert [region.where for region in first.regions] == ["line 2", "line 4"]
    assert first.regions[0] == SMOKE._replace(where="line 2")


def test_a_line_without_kind_is_a_picture_without_regions() -> None:
    parsed = only(read("csv", HEAD + "a.jpg,,,,,,\n"))
    assert (parsed.regions, parsed.problems) == ((), ())
    assert read("csv", HEAD) == []


def test_marks_line_ends_and_columns_of_others_do_not_matter() -> None:
    content = '\ufeffx1,y1,x2,y2,kind,path,weather\r\n\r\n0.1,0.2,0.3,0.4,box,a.jpg,"fog,\nrain"\r\n'
    assert only(read("csv", content)).regions[0].attributes == {"weather": "fog,\ufffdrain"}


@pytest.mark.parametrize(
    "row",
    [
        "a.jpg,box,smoke,nan,0.2,0.3,0.4", "a.jpg,box,smoke,0x1,0.2,0.3,0.4", "a.jpg,box,smoke,0.1,0.2,0.3", "a.jpg",
        "a.jpg,box,smoke,0.1,0.2,0.3,0.4,0.5", "a.jpg,circle,smoke,0.1,0.2,0.3,0.4", "a.jpg,box,smoke,,,,",
        "a.jpg,polygon,smoke,0.1,0.2,0.3,0.4", 'a.jpg,box,smoke,"0,1",0.2,0.3,0.4', "a.jpg,box,smoke,0.3,0.2,0.1,0.4",
    ],
)  # fmt: skip
def test_a_line_that_is_none_costs_itself_alone(row: str) -> None:
    parsed = only(read("csv", HEAD + row + "\n" + ROW))
    assert [region.where for region in parsed.regions] == ["line 3"]
    assert [where for where, _ in told(parsed)] == ["line 2"]


@pytest.mark.parametrize("column", ["attributes", "class_id", "score"])
def test_a_cell_that_is_nonsense_is_told(column: str) -> None:
    parsed = only(read("csv", f"{HEAD.strip()},{column}\n{ROW.strip()},[1]\n"))
    assert len(parsed.problems) == 1
    assert len(parsed.regions) == (column != "class_id")


@pytest.mark.parametrize("content", ["", "\n", "a,b\n", "path,kind,x1,y1,x2\n", "path," + HEAD, b"\xff"])
def test_other_tables_are_refused(content: str | bytes) -> None:
    with pytest.raises(NotOfFormat):
        read("csv", content)


def test_past_a_limit_the_file_is_refused() -> None:
    other = ROW.replace("a.jpg", "b.jpg").replace("smoke", "fire")
    assert len(pictures(read("csv", HEAD + ROW + other, limits=Limits(pictures=2, labels=2, lines=3, line=40)))) == 2
    for limits in (Limits(pictures=1), Limits(labels=1), Limits(lines=2), Limits(line=20), Limits(xml_attributes=6)):
        with pytest.raises(TooComplex):
            read("csv", HEAD + ROW + other, limits=limits)
    with pytest.raises(TooComplex, match="no line of a table"):
        read("csv", HEAD + '"' + "x\n" * 100_000)
    with pytest.raises(TooComplex, match="too deep"):
        read("csv", HEAD.strip() + ",attributes\n" + ROW.strip() + "," + "[" * 20_000)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "'", "''=", "'=1", "'tis", "=cmd|' /C calc'!A0", 'a"b, c'])
def test_no_cell_is_a_formula_and_every_text_comes_back(text: str) -> None:
    content = write_one("csv", [SMOKE._replace(label=text, object_id=text)], ref=PictureRef(text))
    assert not [cell for cell in content.decode().replace('"', "").split(",") if cell[:1] in ("=", "+", "-", "@")]
    parsed = only(read("csv", content))
    assert (parsed.picture.path, parsed.regions[0].label, parsed.regions[0].object_id) == (text, text, text)


def test_everything_is_said() -> None:
    polygon = Region(
        0.1, 0.2, 0.3, 0.4, "smoke", 3, 0.5, POLYGON, ((0.1, 0.2), (0.3, 0.2), (0.2, 0.4)), "9", 12, True, {"a": [1]}
    )  # fmt: skip
    ref = PictureRef("a.jpg", id="7", sha256="ab" * 32, width=1280, height=720)
    content = write("csv", [(ref, [polygon]), (ref._replace(path="b.jpg"), [])])
    first, second = pictures(read("csv", content))
    assert (first.picture, first.regions) == (ref, (polygon._replace(where="line 2"),))
    assert (second.picture.path, second.regions) == ("b.jpg", ())
    told_so = only(read("csv", write_one("csv", [polygon], Options(predictions="as_truth"))))
    assert (told_so.regions[0].is_prediction, told_so.regions[0].score) == (False, None)


def test_every_column_is_documented() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/formats.md").read_text()
    assert [column for column in COLUMNS if f"`{column}`" not in text] == []
