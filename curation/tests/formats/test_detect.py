"""Formats are told by content."""

from __future__ import annotations

import io
from typing import Any

import pytest

from curation.formats.detect import detect
from curation.formats.table import FORMATS
from curation.formats.writing import Options
from curation.tests.formats import test_coco, test_labelstudio, test_pyronear, test_voc, test_yolo
from curation.tests.formats.files import FRAME, content_of, write

TASK = test_labelstudio.task(test_labelstudio.RESULT)
KNOWN: list[tuple[str, Any]] = [
    ("yolo", test_yolo.GOOD),
    ("yolo", ""),
    ("yolo", "\ufeff\r\n"),
    ("yolo", "smoke\n" + test_yolo.GOOD * 2),
    ("coco", test_coco.coco(test_coco.BOX)),
    ("coco", {"info": {"year": 2026}, "licenses": [{"id": 1}], "annotations": [test_coco.BOX] * 20_000, "images": []}),
    ("coco", {"categories": [], "images": [], "annotations": []}),
    ("coco", [{"image_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]),
    ("voc", test_voc.voc(test_voc.OBJECT)),
    ("voc", '\ufeff<?xml version="1.0"?><!-- x -->\n<annotation verified="yes">'),
    ("voc", test_voc.BOMB),
    ("labelstudio", [TASK]),
    ("labelstudio", TASK),
    ("labelstudio", [{"data": {"image": "a"}, "predictions": []}]),
    ("labelstudio", {"annotations": [], "data": {"image": "a"}}),
    ("pyronear_sequence", {"sequences_bbox": []}),
    ("pyronear_predictions", {"predictions": [test_pyronear.SEEN]}),
    ("pyronear_predictions", {"predictions": []}),
    ("pyronear_manifest", test_pyronear.manifest(test_pyronear.ALERT, test_pyronear.ALERT)),
    ("pyronear_manifest", test_pyronear.manifest({"platform_alert_id": 1, "objects": []})),
    ("csv", "kind,path,x1,y1,x2,y2\n"),
]
UNKNOWN: list[Any] = [
    "Fire\ndefault\nsmoke\n", "names: [smoke]\nnc: 1\n", {}, [], [1], {"images": 3}, {"images": ["a.jpg"]}, "null",
    "<html>",    "<svg xmlns='http://www.w3.org/2000/svg'/>", "<!-- -->" * 5_000, b"\xff\xd8\xff\xe0", b"\x80\x04\x95",
    "a,b,c\n1,2,3\n",
    "\0" * 100, "{" * 100_000, {"predictions": 3}, {"data": {}}, {"objects": []}, "1 2 3", "%PDF-1.7", "import os\n",
]  # fmt: skip


@pytest.mark.parametrize(("name", "what"), KNOWN)
def test_a_known_format_is_told_by_its_content(name: str, what: Any) -> None:
    file = io.BytesIO(content_of(what))
    file.seek(3)
    found = detect(file)
    assert (found and found.name, file.tell()) == (name, 0)


@pytest.mark.parametrize("what", UNKNOWN)
def test_everything_else_is_unknown(what: Any) -> None:
    assert detect(io.BytesIO(content_of(what))) is None


@pytest.mark.parametrize("name", FORMATS)
def test_what_we_write_of_an_empty_picture_is_told_again(name: str) -> None:
    content = write(name, [(FRAME, [])], Options())
    found = detect(io.BytesIO(content))
    assert found is not None
    assert found.name == name


def test_each_format_is_known_to_the_table_by_one_name() -> None:
    assert {name: format_.name for name, format_ in FORMATS.items()} == {name: name for name in FORMATS}
    assert {name for name, _ in KNOWN} == FORMATS.keys()
