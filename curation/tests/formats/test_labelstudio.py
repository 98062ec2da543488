"""Label Studio: tasks with what people and models said of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from curation.formats.limits import Limits
from curation.formats.refusals import NotOfFormat, TooComplex
from curation.formats.regions import POLYGON, Region
from curation.formats.writing import Options
from curation.tests.formats.files import FRAME, only, pictures, read, strays, told, write_one

VALUE = {"x": 41.9, "y": 30.8, "width": 4.8, "height": 4.8, "rotation": 0, "rectanglelabels": ["smoke"]}
RESULT = {"type": "rectanglelabels", "original_width": 1280, "original_height": 720, "value": VALUE}
READ = (0.419, 0.308, 0.467, 0.356)
URL = "https://cdn.example.org/a/frame.jpg?sig=1"


def task(*results: Any, predictions: Any = (), **more: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "data": {"image": URL},
        "annotations": [{"result": list(results)}],
        "predictions": predictions,
    } | more


def test_a_rectangle_in_percent_becomes_fractions() -> None:
    parsed = only(read("labelstudio", [task(RESULT)]))
    assert (parsed.picture.name, parsed.picture.path, parsed.picture.id) == ("frame.jpg", URL, "7")
    assert parsed.picture.size == (1280, 720)
    (region,) = parsed.regions
    assert region[:4] == pytest.approx(READ, abs=1e-9)
    assert (region.label, region.is_prediction, region.where) == ("smoke", False, "[0].annotations[0].result[0]")


def test_one_task_alone_is_a_file_as_well() -> None:
    assert (
        only(read("labelstudio", task(RESULT))).regions[0][:5]
        == only(read("labelstudio", [task(RESULT)])).regions[0][:5]
    )


def test_predictions_are_predictions_with_the_score_of_the_region_or_of_all() -> None:
    said = task(
        RESULT, predictions=[{"score": 0.5, "result": [RESULT, {**RESULT, "score": 0.25}]}, {"result": [RESULT]}]
    )
    assert [(region.is_prediction, region.score) for region in only(read("labelstudio", [said])).regions] == [
        (False, None), (True, 0.5), (True, 0.25), (True, None),
    ]  # fmt: skip


def test_a_task_without_regions_is_a_picture_without_regions() -> None:
    assert only(read("labelstudio", [task()])).regions == ()
    assert only(read("labelstudio", [{"data": {"image": "a.jpg"}}])).problems == ()
    assert read("labelstudio", []) == []


def test_polygons_and_turned_rectangles_are_polygons() -> None:
    outline = {"type": "polygonlabels", "value": {"points": [[10, 10], [30, 10], [20, 30]], "polygonlabels": ["smoke"]}}
    turned = {**RESULT, "value": {**VALUE, "x": 50, "y": 50, "width": 10, "height": 10, "rotation": 90}}
    first, second = only(read("labelstudio", [task(outline, turned)])).regions
    assert (first.kind, first.points) == (POLYGON, ((0.1, 0.1), (0.3, 0.1), (0.2, 0.3)))
    # turned by a right angle around its top left corner: 128 pixels wide becomes 128 pixels high, to the left of it
    assert second[:4] == pytest.approx((0.5 - 72 / 1280, 0.5, 0.5, 0.5 + 128 / 720), abs=1e-9)
    assert len(second.points) == 4


@pytest.mark.parametrize(
    "result",
    [
        7, {}, {**RESULT, "type": "brushlabels"}, {**RESULT, "value": None}, {**RESULT, "value": {**VALUE, "x": "1"}},
        {**RESULT, "value": {**VALUE, "width": 0}}, {**RESULT, "value": {**VALUE, "width": -1}},
        {**RESULT, "value": {**VALUE, "rectanglelabels": "smoke"}}, {**RESULT, "value": {**VALUE, "x": float("nan")}},
        {**RESULT, "value": {**VALUE, "rectanglelabels": ["smoke", "fire"]}},
        {**RESULT, "type": "polygonlabels", "value": {"points": [[1, 1], [2, 2]], "polygonlabels": ["smoke"]}},
        {**RESULT, "type": "polygonlabels", "value": {"points": [[1, 1], [2, 2], 3], "polygonlabels": ["smoke"]}},
        {**RESULT, "type": "videorectangle"},
    ],
)  # fmt: skip
def test_a_result_that_is_no_region_costs_itself_alone(result: Any) -> None:
    parsed = only(read("labelstudio", [task(result, RESULT)]))
    assert [region.where for region in parsed.regions] == ["[0].annotations[0].result[1]"]
    assert [where for where, _ in told(parsed)] == ["[0].annotations[0].result[0]"]


def test_a_cancelled_annotation_says_nothing() -> None:
    said = task() | {"annotations": [{"was_cancelled": True, "result": [RESULT]}, {"result": None}]}
    parsed = only(read("labelstudio", [said]))
    assert (parsed.regions, [where for where, _ in told(parsed)]) == ((), ["[0].annotations[1]"])


def test_tasks_that_are_none_are_told() -> None:
    items = read("labelstudio", [7, task(RESULT)])
    assert [problem.where for problem in strays(items)] == ["[0]"]
    assert len(pictures(items)) == 1
    with pytest.raises(NotOfFormat):
        read("labelstudio", {"annotations": []})
    with pytest.raises(TooComplex):
        read("labelstudio", [task(), task()], limits=Limits(pictures=1))


def test_a_path_to_a_file_of_ours_is_only_text() -> None:
    for path in ("../../../../etc/passwd", "/data/local-files/?d=/etc/passwd", "file:///etc/passwd", "s3://other/key"):
        parsed = only(read("labelstudio", [task(RESULT, data={"image": path})]))
        assert parsed.picture.path == path
        assert "root:" not in repr(parsed)


def test_what_is_written_is_a_list_of_tasks() -> None:
    region = Region(*READ, "smoke", attributes={"id": "x1"})
    said = json.loads(write_one("labelstudio", [region, region._replace(is_prediction=True, score=0.5)]))
    truth = said[0]["annotations"][0]["result"]
    scores = [result["score"] for result in said[0]["predictions"][0]["result"]]
    assert (said[0]["data"], said[0]["id"]) == ({"image": FRAME.path}, 7)
    assert [result["value"] for result in truth] == [VALUE]
    assert (truth[0]["id"], truth[0]["original_width"], scores) == ("x1", 1280, [0.5])
    told_so = json.loads(
        write_one("labelstudio", [region._replace(is_prediction=True)], Options(predictions="as_truth"))
    )
    assert "predictions" not in told_so[0]
