"""The three formats of Pyronear, from the examples of their description."""

from __future__ import annotations

import json
from typing import Any

import pytest

from curation.formats.limits import Limits
from curation.formats.refusals import CannotSay, NotOfFormat, TooComplex
from curation.formats.regions import POLYGON, PictureRef, Region, digest
from curation.formats.writing import Options
from curation.tests.formats.files import only, pictures, read, strays, told, write, write_one

PLACE = [0.735, 0.511, 0.748, 0.52]
SMOKE = Region(0.735, 0.511, 0.748, 0.52, "smoke")
THING: dict[str, Any] = {
    "is_smoke": True, "smoke_type": "wildfire", "false_positive_types": [],
    "bboxes": [{"detection_id": 8, "xyxyn": PLACE}],
}  # fmt: skip
SEEN = {"xyxyn": PLACE, "confidence": 0.87, "class_name": "smoke"}
BOX = {"xyxyn": PLACE, "smoke_type": "wildfire", "false_positive_types": None, "origin": "human"}
FRAME = {
    "detection_id": 84215,
    "recorded_at": "2026-07-14T15:42:40",
    "image_path": "pf/84215.jpg",
    "boxes": [BOX],
}
OBJECT = {"sequence_id": 3121, "record_kind": "smoke", "smoke_types": ["wildfire"], "frames": [FRAME]}
ALERT = {
    "source_api": "pyronear_french", "platform_alert_id": 4521, "camera_name": "serre-de-barre-200", "azimuth": 200,
    "recorded_at": "2026-07-14T15:42:10", "temporal_model_score": 0.87, "objects": [OBJECT],
}  # fmt: skip


# --- Sequence annotations ----------------------------------------------------------------------------------


def test_a_thing_is_an_object_with_boxes_in_many_pictures() -> None:
    mast = {"is_smoke": False, "false_positive_types": ["antenna"], "bboxes": THING["bboxes"]}
    two = {**THING, "bboxes": [{"detection_id": id_, "xyxyn": PLACE} for id_ in (8, 9)]}
    first, second = pictures(read("pyronear_sequence", {"sequences_bbox": [two, mast]}))
    assert (first.picture.id, second.picture.id) == ("8", "9")
    assert [(region.label, region.object_id) for region in first.regions] == [
        ("smoke:wildfire", "0"), ("false_positive:antenna", "1"),
    ]  # fmt: skip
    assert second.regions[0][:4] == tuple(PLACE)
    assert second.regions[0].where == "sequences_bbox[0].bboxes[1]"
    assert not first.is_prediction


@pytest.mark.parametrize(
    ("change", "label"),
    [
        ({"smoke_type": None}, "smoke"),
        ({"smoke_type": "other"}, "smoke:other"),
        ({"is_smoke": False}, "false_positive"),
        ({"is_smoke": False, "false_positive_types": ["other"]}, "false_positive:other"),
        ({"is_unsure": True}, "uncertain"),
    ],
)
def test_labels_follow_the_taxonomy(change: dict[str, Any], label: str) -> None:
    (region,) = only(read("pyronear_sequence", {"sequences_bbox": [{**THING, **change}]})).regions
    assert (region.label, region.attributes) == (label, {})


def test_several_types_go_along() -> None:
    said = {**THING, "is_smoke": False, "false_positive_types": ["dark", "cliff"]}
    (region,) = only(read("pyronear_sequence", {"sequences_bbox": [said]})).regions
    assert (region.label, region.attributes) == ("false_positive:dark", {"false_positive_types": ["dark", "cliff"]})


def test_what_is_wrong_in_a_sequence_is_told() -> None:
    boxes = [7, {"xyxyn": PLACE}, {"detection_id": 8}, {"detection_id": 8, "xyxyn": [1, 2]}, *THING["bboxes"]]
    items = read("pyronear_sequence", {"sequences_bbox": [7, {"bboxes": 7}, {**THING, "bboxes": boxes}]})
    assert [problem.where for problem in strays(items)] == [
        "sequences_bbox[0]", "sequences_bbox[1]", "sequences_bbox[2].bboxes[0]", "sequences_bbox[2].bboxes[1]",
    ]  # fmt: skip
    assert [where for where, _ in told(only(items))] == ["sequences_bbox[2].bboxes[2]", "sequences_bbox[2].bboxes[3]"]
    assert len(only(items).regions) == 1


def test_an_empty_sequence_says_nothing_and_another_json_is_none() -> None:
    assert read("pyronear_sequence", {"sequences_bbox": []}) == []
    others: list[Any] = [{}, [], {"sequences_bbox": 7}]
    for other in others:
        with pytest.raises(NotOfFormat):
            read("pyronear_sequence", other)
    with pytest.raises(TooComplex):
        read("pyronear_sequence", {"sequences_bbox": [THING]}, limits=Limits(pictures=0))


def test_a_sequence_is_written_as_it_was_read() -> None:
    mast = {"is_smoke": False, "smoke_type": None, "false_positive_types": ["dark", "cliff"], "bboxes": THING["bboxes"]}
    said = {"sequences_bbox": [{**THING, "bboxes": [{"detection_id": id_, "xyxyn": PLACE} for id_ in (8, 9)]}, mast]}
    found = pictures(read("pyronear_sequence", said))
    written = write("pyronear_sequence", [(parsed.picture, parsed.regions) for parsed in found])
    key = lambda thing: thing["is_smoke"]  # noqa: E731
    assert sorted(json.loads(written)["sequences_bbox"], key=key) == sorted(said["sequences_bbox"], key=key)


def test_a_sequence_refuses_what_it_has_no_words_for() -> None:
    smoke, ref = SMOKE, PictureRef(id="8")
    assert json.loads(write_one("pyronear_sequence", [smoke, smoke._replace(label="uncertain")], ref=ref))
    for wrong, ref_ in (
        (smoke, PictureRef("a.jpg")),
        (smoke._replace(label="fire"), ref),
        (smoke._replace(is_prediction=True), ref),
        (smoke._replace(kind=POLYGON, points=((0.735, 0.511), (0.748, 0.511), (0.74, 0.52))), ref),
    ):
        with pytest.raises(CannotSay):
            write_one("pyronear_sequence", [wrong], ref=ref_)


# --- Predictions -------------------------------------------------------------------------------------------


def test_a_prediction_has_a_score_or_an_unknown_one() -> None:
    unknown = {"xyxyn": PLACE, "class_name": "smoke", "engine": "v7"}
    one, other = only(read("pyronear_predictions", {"predictions": [SEEN, unknown]})).regions
    assert (one[:5], one.score, one.is_prediction) == ((*PLACE, "smoke"), 0.87, True)
    assert (other.score, other.is_prediction, other.attributes) == (None, True, {"engine": "v7"})


def test_predictions_that_are_none_are_told() -> None:
    said = [7, {}, {"xyxyn": [0, 0, "1", 1]}, {**SEEN, "class_name": 7}, {**SEEN, "confidence": "high"}, SEEN]
    parsed = only(read("pyronear_predictions", {"predictions": said}))
    assert [where for where, _ in told(parsed)] == [f"predictions[{at}]" for at in range(5)]
    assert [region.score for region in parsed.regions] == [None, 0.87]
    assert only(read("pyronear_predictions", {"predictions": []})).regions == ()
    with pytest.raises(NotOfFormat):
        read("pyronear_predictions", {"prediction": []})


def test_predictions_are_written_as_they_were_read_and_truth_is_not() -> None:
    said = {"predictions": [SEEN, {"xyxyn": PLACE, "class_name": "smoke", "engine": "v7"}]}
    regions = only(read("pyronear_predictions", said)).regions
    again = only(read("pyronear_predictions", write_one("pyronear_predictions", regions)))
    assert digest(again.regions) == digest(regions)
    with pytest.raises(CannotSay):
        write_one("pyronear_predictions", [regions[0]._replace(is_prediction=False)])


# --- Manifest ----------------------------------------------------------------------------------------------


def manifest(*alerts: Any) -> str:
    return "".join(json.dumps(alert) + "\n" for alert in alerts)


def test_an_alert_names_its_pictures_with_all_that_it_says_of_them() -> None:
    parsed = only(read("pyronear_manifest", manifest(ALERT)))
    assert (parsed.picture.path, parsed.picture.id) == ("pf/84215.jpg", "84215")
    assert parsed.picture.attributes == {
        "source_api": "pyronear_french", "platform_alert_id": 4521, "camera_name": "serre-de-barre-200", "azimuth": 200,
        "temporal_model_score": 0.87, "recorded_at": "2026-07-14T15:42:40", "alert_recorded_at": "2026-07-14T15:42:10",
    }  # fmt: skip
    (region,) = parsed.regions
    assert (*region[:5], region.object_id) == (*PLACE, "smoke:wildfire", "3121")
    assert region.attributes == {"origin": "human"}
    assert region.where == "line 1 objects[0].frames[0].boxes[0]"


@pytest.mark.parametrize(
    ("origin", "expected"), {"human": False, "imported": False, "auto": True, "engine": True}.items()
)
def test_what_a_machine_drew_is_a_prediction(origin: str, expected: bool) -> None:
    alert = {**ALERT, "objects": [{**OBJECT, "frames": [{**FRAME, "boxes": [{**BOX, "origin": origin}]}]}]}
    assert only(read("pyronear_manifest", manifest(alert))).is_prediction is expected


def test_two_objects_in_one_picture_are_one_picture() -> None:
    mast = {**BOX, "smoke_type": None, "false_positive_types": ["antenna", "sky"]}
    other = {"sequence_id": 3122, "record_kind": "false_positive", "frames": [{**FRAME, "boxes": [mast]}]}
    unsure = {"sequence_id": 3123, "record_kind": "uncertain", "frames": [FRAME]}
    parsed = only(read("pyronear_manifest", manifest({**ALERT, "objects": [OBJECT, other, unsure]})))
    assert [(region.label, region.object_id) for region in parsed.regions] == [
        ("smoke:wildfire", "3121"), ("false_positive:antenna", "3122"), ("uncertain", "3123"),
    ]  # fmt: skip
    assert parsed.regions[1].attributes["false_positive_types"] == ["antenna", "sky"]


def test_a_bad_line_costs_itself_alone() -> None:
    content = f"nonsense\n\n[1]\n{manifest(ALERT)}" + manifest(
        {"objects": [7, {"frames": [7, {"image_path": "b.jpg"}]}]}
    )
    items = read("pyronear_manifest", content)
    assert [problem.where for problem in strays(items)] == [
        "line 1", "line 3", "line 5 objects[0]", "line 5 objects[1].frames[0]",
    ]  # fmt: skip
    assert [parsed.picture.name for parsed in pictures(items)] == ["84215.jpg", "b.jpg"]
    assert told(pictures(items)[1]) == [("line 5 objects[1].frames[1]", "The frame has no list of boxes.")]


def test_no_alert_at_all_is_no_manifest() -> None:
    with pytest.raises(NotOfFormat):
        read("pyronear_manifest", "nonsense\n")
    with pytest.raises(TooComplex, match="too deep"):
        read("pyronear_manifest", "[" * 100_000)
    with pytest.raises(TooComplex, match="pictures"):
        read("pyronear_manifest", manifest(ALERT), limits=Limits(pictures=0))


def test_a_manifest_is_written_as_it_was_read() -> None:
    mast = {**BOX, "smoke_type": None, "false_positive_types": ["antenna", "sky"], "origin": "engine"}
    other = {"sequence_id": 3122, "record_kind": "false_positive", "frames": [{**FRAME, "boxes": [mast]}]}
    empty = {"sequence_id": 3121, "record_kind": "smoke", "frames": [{**FRAME, "boxes": []}]}
    content = manifest({**ALERT, "objects": [OBJECT, other]}, {**ALERT, "platform_alert_id": 1, "objects": [empty]})
    found = pictures(read("pyronear_manifest", content))
    written = write("pyronear_manifest", [(parsed.picture, parsed.regions) for parsed in found])
    again = pictures(read("pyronear_manifest", written))
    assert [parsed.picture for parsed in again] == [parsed.picture for parsed in found]
    assert [digest(parsed.regions) for parsed in again] == [digest(parsed.regions) for parsed in found]
    assert [json.loads(line)["platform_alert_id"] for line in written.splitlines()] == [4521, 1]


def test_an_object_of_a_manifest_is_of_one_kind() -> None:
    smoke = SMOKE._replace(object_id="1")
    ref = PictureRef("a.jpg", id="1")
    for wrong in (smoke._replace(label="fire"), smoke._replace(label="false_positive:sky")):
        with pytest.raises(CannotSay):
            write_one("pyronear_manifest", [smoke, wrong], ref=ref)
    seen = smoke._replace(is_prediction=True)
    assert b'"auto"' in write_one("pyronear_manifest", [seen], ref=ref)
    assert b'"human"' in write_one("pyronear_manifest", [seen], Options(predictions="as_truth"), ref)
