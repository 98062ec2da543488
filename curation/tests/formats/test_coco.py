"""COCO: many pictures in one file, in any order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from curation.formats.limits import Limits
from curation.formats.refusals import CannotSay, NotOfFormat, TooComplex
from curation.formats.regions import POLYGON, Classes, PictureRef, Problem, Region
from curation.formats.writing import Options
from curation.tests.formats.files import HD, only, pictures, read, strays, told, write, write_one

IMAGE = {"id": 8, "file_name": "sdis-07_brison-110_2024-01-21T14-44-56.jpg", "width": 1280, "height": 720}
BOX = {"id": 1, "image_id": 8, "category_id": 3, "bbox": [128, 72, 256, 144], "area": 36864, "iscrowd": 0}
SMOKE = {"id": 3, "name": "smoke", "supercategory": "fire"}
READ = (0.1, 0.1, 0.3, 0.3)


def coco(*annotations: Any, images: Any = (IMAGE,), categories: Any = (SMOKE,)) -> dict[str, Any]:
    return {"images": list(images), "annotations": list(annotations), "categories": list(categories)}


def test_a_box_in_pixels_becomes_fractions_with_the_name_of_its_category() -> None:
    items = read("coco", coco(BOX))
    parsed = only(items)
    assert items[0] == Classes({3: "smoke"})
    assert parsed.picture == PictureRef(str(IMAGE["file_name"]), id="8", width=1280, height=720)
    assert [(*region[:6], region.where) for region in parsed.regions] == [(*READ, "smoke", 3, "annotations[0]")]
    assert not parsed.is_prediction


@pytest.mark.parametrize("keys", [("annotations", "categories", "images"), ("categories", "annotations", "images")])
def test_the_order_of_the_lists_does_not_matter(keys: tuple[str, ...]) -> None:
    said = coco(BOX, {**BOX, "bbox": [0, 0, 10, 10]})
    assert read("coco", {key: said[key] for key in keys}) == read("coco", said)


def test_pictures_come_in_the_order_of_the_images_with_what_is_theirs() -> None:
    others = [{**IMAGE, "id": id_} for id_ in (5, 8, 2)]
    boxes = [{**BOX, "image_id": id_, "bbox": [left, 0, 10, 10]} for left, id_ in enumerate((2, 8, 2, 8))]
    found = pictures(read("coco", coco(*boxes, images=others)))
    assert [parsed.picture.id for parsed in found] == ["5", "8", "2"]
    assert [[region.where for region in parsed.regions] for parsed in found] == [
        [], ["annotations[1]", "annotations[3]"], ["annotations[0]", "annotations[2]"],
    ]  # fmt: skip


def test_a_score_makes_a_prediction() -> None:
    (region,) = only(read("coco", coco({**BOX, "score": 0.5}))).regions
    assert (region.is_prediction, region.score) == (True, 0.5)
    (region,) = only(read("coco", coco({**BOX, "score": None}))).regions
    assert (region.is_prediction, region.score) == (True, None)


def test_a_bare_list_of_results_is_read_with_a_size_from_elsewhere() -> None:
    results = [{"image_id": 8, "category_id": 3, "bbox": [128, 72, 256, 144], "score": 0.25}]
    parsed = only(read("coco", results, picture=HD, names={3: "smoke"}))
    assert [region[:7] for region in parsed.regions] == [(*READ, "smoke", 3, 0.25)]
    assert told(only(read("coco", results)))[0][1].startswith("The size of the picture is unknown")


def test_unknown_fields_and_tracks_go_along() -> None:
    parsed = only(
        read("coco", coco({**BOX, "track_id": 9, "occluded": True, "iscrowd": 1}, images=[{**IMAGE, "date": "today"}]))
    )
    assert parsed.regions[0].attributes == {"occluded": True, "iscrowd": 1}
    assert parsed.regions[0].object_id == "9"
    assert parsed.picture.attributes == {"date": "today"}


RING = [128, 72, 384, 72, 256, 216]


@pytest.mark.parametrize(
    ("segmentation", "kind", "problems"),
    [
        ([], "box", 0),
        ([RING], "polygon", 0),
        ([[128, 72, 384, 72, 384, 216, 128, 216]], "box", 0),
        ([[128, 72, 384, 72, 384, 216, 128, 216, 128, 72]], "box", 0),
        ([RING, RING], "box", 1),
        ({"counts": [1, 2], "size": [720, 1280]}, "box", 1),
        ([[1, 2, 3, 4]], "box", 1),
    ],
)
def test_one_ring_is_a_polygon_and_masks_are_told(segmentation: Any, kind: str, problems: int) -> None:
    parsed = only(read("coco", coco({**BOX, "segmentation": segmentation})))
    assert [(region.kind, *region[:4]) for region in parsed.regions] == [(kind, *READ)]
    assert parsed.problems_count == problems


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"bbox": [128, 72, -256, 144]}, "negative size"),
        ({"bbox": [128, 72, 0, 144]}, "no area"),
        ({"bbox": [2000, 72, 10, 144]}, "outside"),
        ({"bbox": [128, 72, 256]}, "not 4 numbers"),
        ({"bbox": "128"}, "not 4 numbers"),
        ({"bbox": ["128", "72", "256", "144"]}, "not a number"),
        ({"bbox": [True, 72, 256, 144]}, "not a number"),
        ({"bbox": [float("nan"), 72, 256, 144]}, "not 4 numbers"),
        ({"bbox": [float("inf"), 72, 256, 144]}, "not 4 numbers"),
        ({"bbox": [10**400, 72, 256, 144]}, "not 4 numbers"),
        ({"bbox": None}, "not 4 numbers"),
        ({"category_id": -1}, "class is not a number"),
        ({"category_id": 10**9}, "class is not a number"),
        ({"category_id": "smoke"}, "class is not a number"),
    ],
)
def test_an_annotation_that_is_none_costs_itself_alone(change: dict[str, Any], problem: str) -> None:
    parsed = only(read("coco", coco({**BOX, **change}, BOX)))
    assert [region.where for region in parsed.regions] == ["annotations[1]"]
    ((where, sentence),) = told(parsed)
    assert (where, problem in sentence) == ("annotations[0]", True)


def test_what_does_not_fit_together_is_told() -> None:
    said = coco(
        {**BOX, "category_id": 4}, {**BOX, "image_id": 99}, {**BOX, "image_id": "8" * 201}, 7,
        images=[IMAGE, IMAGE, "a.jpg", {"file_name": "no id"}],
        categories=[SMOKE, {"id": 4}, {"name": "no id"}, SMOKE | {"name": 3}],
    )  # fmt: skip
    items = read("coco", said)
    assert [problem.where for problem in strays(items)] == [
        "images[2]", "images[3]", "annotations[2]", "annotations[3]", "categories[1]", "categories[2]", "categories[3]",
        "image 99",
    ]  # fmt: skip
    assert [sentence[:18] for _, sentence in told(only(items))] == ["Another image has ", "Class 4 is not in "]


def test_an_image_without_size_has_no_fractions() -> None:
    said = coco(BOX, images=[{"id": 8, "file_name": "a.jpg"}])
    assert told(only(read("coco", said)))[0][0] == "annotations[0]"
    assert only(read("coco", said, picture=HD)).regions[0][:4] == READ


@pytest.mark.parametrize("content", ["{}", '{"info": {}}', "[1", '{"images": [', "null", "", "[] []", '{"a" 1}'])
def test_other_json_and_broken_json_are_refused(content: str) -> None:
    with pytest.raises(NotOfFormat):
        read("coco", content)


def test_an_empty_list_is_an_empty_file() -> None:
    assert read("coco", coco(images=[], categories=[])) == [Classes({})]


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (Limits(regions=1), "more than 1 regions"),
        (Limits(pictures=1), "more than 1 pictures"),
        (Limits(labels=1), "more than 1 different labels"),
        (Limits(points=2), "more than 2 points"),
        (Limits(element=60), "more than 60 characters"),
        (Limits(depth=2), "nested too deep"),
    ],
)
def test_past_a_limit_the_file_is_refused(limits: Limits, sentence: str) -> None:
    said = coco(
        BOX, {**BOX, "segmentation": [RING], "category_id": 4, "more": {"a": {"b": 1}}},
        images=[IMAGE, {**IMAGE, "id": 9}], categories=[SMOKE, {"id": 4, "name": "fire"}],
    )  # fmt: skip
    within = Limits(regions=2, pictures=2, labels=2, points=3, element=1000, depth=3)
    assert len(pictures(read("coco", said, limits=within))) == 2
    with pytest.raises(TooComplex, match=sentence):
        read("coco", said, limits=limits)


@pytest.mark.parametrize("depth", [2_000, 1_000_000])
def test_a_bottomless_file_is_refused(depth: int) -> None:
    with pytest.raises((TooComplex, NotOfFormat)):
        read("coco", b'{"images": [' + b"[" * depth)
    with pytest.raises(TooComplex, match="too deep"):
        read("coco", b'{"images": [' + b"[" * 2_000 + b"]" * 2_000 + b"]}")


def test_a_long_number_or_a_long_text_is_refused() -> None:
    with pytest.raises(NotOfFormat, match="thousands of digits"):
        read("coco", '{"images": [' + "9" * 5_000 + "]}")
    with pytest.raises(TooComplex, match="4,194,304 characters"):
        read("coco", '{"images": ["' + "x" * 16_000_000 + '"]}')


def test_a_hundred_thousand_empty_lists_are_told_in_a_sentence() -> None:
    told_so = strays(read("coco", b'{"images": [' + b"[]," * 100_000 + b"[]]}"))
    assert len(told_so) == 101
    assert told_so[-1] == Problem("file", "99,901 more problems are not told one by one.")


def test_texts_are_made_fit() -> None:
    said = json.dumps(
        coco(BOX, images=[{**IMAGE, "file_name": "a\0\ud800\u202eb"}], categories=[{"id": 3, "name": "s\0"}])
    )
    parsed = only(read("coco", said))
    assert (parsed.picture.path, parsed.regions[0].label) == ("a\ufffd\ufffd\ufffdb", "s\ufffd")


# --- Writing -----------------------------------------------------------------------------------------------

REGION = Region(*READ, "smoke", 3, attributes={"occluded": True})
REF = PictureRef("a.jpg", id="8", width=1280, height=720, attributes={"date": "today"})


def test_what_is_written_is_coco() -> None:
    said = json.loads(write_one("coco", [REGION], ref=REF))
    assert said == {
        "images": [{"id": 8, "file_name": "a.jpg", "width": 1280, "height": 720, "date": "today"}],
        "annotations": [
            {"id": 1, "image_id": 8, "category_id": 3, "bbox": [128, 72, 256, 144], "area": 36864, "iscrowd": 0,
             "segmentation": [], "occluded": True}
        ],
        "categories": [{"id": 3, "name": "smoke"}],
    }  # fmt: skip


def test_numbers_are_kept_where_they_can_be_and_given_where_not() -> None:
    fire = Region(*READ, "fire", 3)
    refs = [REF, REF, REF._replace(id="x"), REF._replace(id="1")]
    said = json.loads(write("coco", [(ref, [REGION, fire]) for ref in refs]))
    assert [image["id"] for image in said["images"]] == [8, 1, 2, 3]
    assert said["categories"] == [{"id": 3, "name": "smoke"}, {"id": 4, "name": "fire"}]
    assert [annotation["id"] for annotation in said["annotations"]] == list(range(1, 9))
    named = json.loads(write_one("coco", [REGION], Options(names={0: "fire", 1: "smoke"}), REF))
    assert named["categories"] == [{"id": 0, "name": "fire"}, {"id": 1, "name": "smoke"}]
    assert named["annotations"][0]["category_id"] == 1


def test_polygons_predictions_and_tracks_have_their_fields() -> None:
    polygon = REGION._replace(kind=POLYGON, points=((0.1, 0.1), (0.3, 0.1), (0.2, 0.3)), object_id="9")
    (said,) = json.loads(write_one("coco", [polygon._replace(is_prediction=True, score=0.5)], ref=REF))["annotations"]
    assert (said["segmentation"], said["score"], said["track_id"]) == ([[128, 72, 384, 72, 256, 216]], 0.5, "9")
    (said,) = json.loads(write_one("coco", [REGION._replace(is_prediction=True)], ref=REF))["annotations"]
    assert said["score"] is None


def test_pixels_need_a_size() -> None:
    with pytest.raises(CannotSay, match=r"size of a\.jpg is unknown"):
        write_one("coco", [], ref=PictureRef("a.jpg"))
