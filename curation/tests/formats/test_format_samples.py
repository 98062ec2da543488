"""Real labels of the samples; skipped where they are absent."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from curation.formats.classnames import read_names
from curation.formats.detect import detect
from curation.formats.regions import Classes, Parsed
from curation.formats.writing import Options
from curation.tests.formats.files import only, pictures, read, write
from curation.tests.imaging_files import samples


def labels(folder: str, pattern: str = "*.txt") -> list[tuple[Path, Parsed]]:
    paths = [path for path in samples(folder, pattern) if path.parent.name == "labels"]
    return [(path, only(read("yolo", path.read_bytes()))) for path in paths]


def test_the_yolo_labels_of_a_dataset_are_all_read_by_their_names() -> None:
    (names_file,) = samples("A_roboflow_fire_v8_yolo", "data.yaml")
    with names_file.open("rb") as file:
        names = read_names(file)
    assert names == {0: "Fire", 1: "default", 2: "smoke"}
    counts: Counter[str] = Counter()
    found = labels("A_roboflow_fire_v8_yolo")
    for _, parsed in found:
        assert parsed.problems == ()
        counts.update(names[region.class_id] for region in parsed.regions if region.class_id is not None)
    assert (len(found), counts) == (195, {"smoke": 122, "Fire": 146, "default": 4})
    assert sum(not parsed.regions for _, parsed in found) == 1


def test_yolo_labels_are_written_as_they_were_read() -> None:
    for _, parsed in labels("A_roboflow_fire_v8_yolo"):
        again = only(read("yolo", write("yolo", [(parsed.picture, parsed.regions)])))
        before, after = (sorted(region[:4] for region in one.regions) for one in (parsed, again))
        assert before == [pytest.approx(corners, abs=1e-6) for corners in after]


def boxes(coco: dict[str, Any]) -> list[tuple[float, ...]]:
    return sorted((one["image_id"], one["category_id"], *one["bbox"]) for one in coco["annotations"])


def test_coco_comes_out_as_it_came_in() -> None:
    for path in samples("B_nemo_alertwildfire_coco", "*.json"):
        said = json.loads(path.read_bytes())
        items = read("coco", path.read_bytes())
        (classes,) = (item for item in items if isinstance(item, Classes))
        written = write("coco", [(one.picture, one.regions) for one in pictures(items)], Options(names=classes.names))
        back = json.loads(written)
        assert [(one["id"], one["name"]) for one in back["categories"]] == [
            (one["id"], one["name"]) for one in said["categories"]
        ]
        assert [(one["id"], one["file_name"]) for one in back["images"]] == [
            (one["id"], one["file_name"]) for one in said["images"]
        ]
        before, after = boxes(said), boxes(back)
        assert len(after) == len(before)
        assert after == [pytest.approx(box, abs=0.5) for box in before]


def test_the_boxes_of_the_fire_cameras_are_counted() -> None:
    found = [pictures(read("coco", path.read_bytes())) for path in samples("B_nemo_alertwildfire_coco", "*.json")]
    assert [(len(some), sum(len(one.regions) for one in some)) for some in found] == [(6, 7), (2, 2)]


def test_labels_without_pictures_are_read() -> None:
    (path,) = samples("H_pyro_sdis_coco_labels_only", "*.json")
    found = pictures(read("coco", path.read_bytes()))
    assert (len(found), sum(len(one.regions) for one in found)) == (20, 23)
    assert {region.label for one in found for region in one.regions} == {"smoke"}


def test_the_fixture_of_a_sequence_has_a_box_in_each_frame() -> None:
    found = labels("G_pyronear_sequence_fixture")
    assert [len(parsed.regions) for _, parsed in found] == [1] * 5
    assert not any(parsed.is_prediction for _, parsed in found)


def test_truth_and_predictions_of_sequences_are_told_apart() -> None:
    truth: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for path, parsed in labels("I_derived_pyronear_layout"):
        sequence = path.parents[1]
        seen[sequence.parent.name] += sum(region.is_prediction for region in parsed.regions)
        truth[sequence.parent.name if sequence.parent.name == "fp" else sequence.name] += sum(
            not region.is_prediction for region in parsed.regions
        )
    assert seen == Counter(fp=3, wildfire=0)
    assert sorted(truth.values()) == [0, 20, 39]


def test_every_label_file_of_the_samples_is_recognised() -> None:
    for folder, pattern, name in [
        ("A_roboflow_fire_v8_yolo", "labels/*.txt", "yolo"), ("I_derived_pyronear_layout", "labels/*.txt", "yolo"),
        ("B_nemo_alertwildfire_coco", "*.json", "coco"), ("H_pyro_sdis_coco_labels_only", "*.json", "coco"),
    ]:  # fmt: skip
        for path in samples(folder, pattern):
            with path.open("rb") as file:
                found = detect(file)
            assert found is not None, path
            assert found.name == name
