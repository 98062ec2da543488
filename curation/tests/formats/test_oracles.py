"""What others make of what we write, and we of what they write."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest

from curation.formats.regions import PictureRef, Region
from curation.formats.writing import Options
from curation.tests.formats.files import only, pictures, read, write

globox = pytest.importorskip("globox")
pycocotools = pytest.importorskip("pycocotools.coco")

REF = PictureRef("frame.jpg", id="7", width=1280, height=720)
REGIONS = [Region(0.1, 0.1, 0.3, 0.3, "smoke", 1), Region(0.4192, 0.3081, 0.4677, 0.3562, "fire", 2)]
PIXELS = {"smoke": (128.0, 72.0, 384.0, 216.0), "fire": (536.576, 221.832, 598.656, 256.464)}


def boxes_of(annotations: Any) -> dict[str, tuple[float, ...]]:
    """What globox holds of the only picture, by label."""
    (annotation,) = annotations
    return {box.label: box.ltrb for box in annotation.boxes}


def pixels(region: Region) -> list[float]:
    return [value * (1280, 720)[at % 2] for at, value in enumerate(region[:4])]


def near_pixels(found: dict[str, tuple[float, ...]]) -> bool:
    return found == {label: pytest.approx(box, abs=0.01) for label, box in PIXELS.items()}


def test_pycocotools_reads_our_coco(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    path.write_bytes(write("coco", [(REF, REGIONS), (REF._replace(id="8", path="b.jpg"), [])]))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = pycocotools.COCO(str(path))
    assert {image["file_name"] for image in coco.loadImgs(coco.getImgIds())} == {"frame.jpg", "b.jpg"}
    names = {category["id"]: category["name"] for category in coco.loadCats(coco.getCatIds())}
    found = {names[one["category_id"]]: one["bbox"] for one in coco.loadAnns(coco.getAnnIds(imgIds=[7]))}
    assert found["smoke"] == [128, 72, 256, 144]


def test_globox_reads_our_coco(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(write("coco", [(REF, REGIONS)]))
    assert near_pixels(boxes_of(globox.AnnotationSet.from_coco(tmp_path / "a.json")))


def test_globox_reads_our_voc(tmp_path: Path) -> None:
    (tmp_path / "frame.xml").write_bytes(write("voc", [(REF, REGIONS)]))
    assert near_pixels(boxes_of(globox.AnnotationSet.from_pascal_voc(tmp_path)))


def test_globox_reads_our_yolo(tmp_path: Path) -> None:
    names = {0: "smoke", 1: "fire"}
    (tmp_path / "frame.txt").write_bytes(write("yolo", [(REF, REGIONS)], Options(names=names)))
    annotation = globox.Annotation.from_yolo_v5(tmp_path / "frame.txt", image_id="frame.jpg", image_size=(1280, 720))
    assert near_pixels({names[int(box.label)]: box.ltrb for box in annotation.boxes})


def test_we_read_what_globox_writes(tmp_path: Path) -> None:
    boxes = [globox.BoundingBox(label=label, xmin=b[0], ymin=b[1], xmax=b[2], ymax=b[3]) for label, b in PIXELS.items()]
    annotations = globox.AnnotationSet([globox.Annotation("frame.jpg", (1280, 720), boxes)])
    annotations.save_coco(tmp_path / "coco.json", auto_ids=True)
    annotations.save_pascal_voc(tmp_path / "voc")
    annotations.save_yolo_v5(tmp_path / "yolo", label_to_id={"smoke": 0, "fire": 1})
    (voc,) = (tmp_path / "voc").glob("*.xml")
    (yolo,) = (tmp_path / "yolo").glob("*.txt")
    for found in (
        only(read("coco", (tmp_path / "coco.json").read_bytes())),
        only(read("voc", voc.read_bytes())),
        only(read("yolo", yolo.read_bytes(), names={0: "smoke", 1: "fire"})),
    ):
        assert found.problems == ()
        scaled = {region.label: pixels(region) for region in found.regions}
        assert scaled == {label: pytest.approx(box, abs=0.6) for label, box in PIXELS.items()}


def test_pycocotools_loads_our_predictions_as_results(tmp_path: Path) -> None:
    truth, seen = tmp_path / "truth.json", tmp_path / "seen.json"
    truth.write_bytes(write("coco", [(REF, REGIONS)], Options(names={1: "smoke", 2: "fire"})))
    predictions = [region._replace(is_prediction=True, score=0.5) for region in REGIONS]
    said = write("coco", [(REF, predictions)], Options(names={1: "smoke", 2: "fire"}))
    seen.write_bytes(said)
    with contextlib.redirect_stdout(io.StringIO()):
        results = pycocotools.COCO(str(truth)).loadRes(list(pycocotools.COCO(str(seen)).anns.values()))
    assert {result["score"] for result in results.anns.values()} == {0.5}
    assert all(parsed.is_prediction for parsed in pictures(read("coco", said)))
