"""Regions over the API: what people decide, what they saw when they did, and what was before."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.tests.cast import Cast, api
from curation.models import Annotation, Region
from curation.tests.contract.helpers import UNREADABLE, everything, layer, stored, upload
from curation.tests.labels import SMOKE, box, predicted, ship_labels

TREE = SMOKE | {"label": "tree", "x1": 0.6, "x2": 0.8}


@pytest.fixture(autouse=True)
def _labels(db: None) -> None:
    ship_labels()


@pytest.fixture
def media(cast: Cast) -> int:
    return stored(api(cast.tower))


def decide(client: Any, media: int, *regions: dict[str, Any], version: int | None = None, **headers: str) -> Any:
    if version is not None:
        headers["HTTP_IF_MATCH"] = f'"{version}"'
    return client.put(f"/media/{media}/regions", {"regions": regions}, format="json", **headers)


def test_a_person_says_what_a_picture_shows(cast: Cast, media: int) -> None:
    carl = api(cast.carl)
    answer = decide(carl, media, SMOKE, TREE)
    assert answer.status_code == 200
    row = answer.json()
    assert (row["origin"], row["is_truth"], row["revision"], row["media_id"]) == ("human", True, 1, media)
    assert answer["ETag"] == f'"{row["version"]}"'
    assert [(region["label"], region["x1"], region["score"]) for region in row["regions"]] == [
        ("smoke", 0.1, None), ("tree", 0.6, None),
    ]  # fmt: skip
    shown = carl.get(f"/annotations/{row['annotation_id']}/regions")
    assert shown.json() == row
    assert shown["ETag"] == answer["ETag"]


def test_who_did_not_look_or_looked_too_early_is_told_412(cast: Cast, media: int) -> None:
    carl = api(cast.carl)
    assert decide(carl, media, SMOKE, version=1).status_code == 412
    row = decide(carl, media, SMOKE).json()
    before = everything()
    assert decide(carl, media, TREE).status_code == 412
    assert decide(carl, media, TREE, version=row["version"] + 1).status_code == 412
    assert everything() == before
    again = decide(carl, media, TREE, version=row["version"])
    assert (again.status_code, again.json()["revision"]) == (200, 2)
    assert decide(carl, media, SMOKE, HTTP_IF_MATCH="*").json()["revision"] == 3


def test_the_same_request_twice_has_one_effect(cast: Cast, media: int) -> None:
    carl = api(cast.carl)
    answers = [decide(carl, media, SMOKE, HTTP_IDEMPOTENCY_KEY="one") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert Annotation.objects.get(origin="human").revisions.count() == 1


def test_a_polygon_brings_its_own_box(cast: Cast, media: int) -> None:
    points = [[0.2, 0.1], [0.4, 0.5], [0.1, 0.3]]
    row = decide(api(cast.carl), media, {"kind": "polygon", "label": "smoke", "points": points}).json()["regions"][0]
    assert [row[name] for name in ("x1", "y1", "x2", "y2")] == [0.1, 0.1, 0.4, 0.5]
    assert row["points"] == points


@pytest.mark.parametrize(
    ("region", "place"),
    [
        (SMOKE | {"x1": 0.4}, []),
        (SMOKE | {"x2": 1.1}, ["x2"]),
        (SMOKE | {"x1": "left"}, ["x1"]),
        ({"label": "smoke"}, ["x1"]),
        (SMOKE | {"label": "fire"}, ["label"]),
        (SMOKE | {"label": ""}, ["label"]),
        (SMOKE | {"points": [[0, 0]]}, ["points"]),
        (SMOKE | {"kind": "polygon", "points": [[0, 0], [1, 1]]}, ["points"]),
        (SMOKE | {"kind": "polygon", "points": [[0, 0.5], [0.5, 0.5], [1, 0.5]]}, []),
        (SMOKE | {"frame": -1}, ["frame"]),
        (SMOKE | {"kind": "circle"}, ["kind"]),
        (SMOKE | {"attributes": {"a": "x" * 3000}}, []),
        ("smoke", []),
    ],
)
def test_a_region_that_cannot_be_is_named_by_its_place(cast: Cast, media: int, region: Any, place: list[str]) -> None:
    before = everything()
    answer = decide(api(cast.carl), media, SMOKE, region)
    assert answer.status_code == 422
    loc = answer.json()["detail"][0]["loc"]
    assert loc[:3] == ["body", "regions", 1]
    assert loc[3 : 3 + len(place)] == place
    assert everything() == before


@pytest.mark.parametrize(("count", "status"), [(2000, 200), (2001, 422)])
def test_a_picture_has_so_many_regions(cast: Cast, media: int, count: int, status: int) -> None:
    assert decide(api(cast.carl), media, *[SMOKE] * count).status_code == status


def test_a_layer_of_somebody_else_is_not_edited_by_a_user(cast: Cast) -> None:
    media = stored(api(cast.tower))
    assert decide(api(cast.ana), media, SMOKE).json() == UNREADABLE
    assert decide(api(cast.tower), media, SMOKE).status_code == 403
    mine = Annotation.objects.create(media_id=media, owner=cast.ana).media
    mine.owner = cast.ana
    mine.save()
    decide(api(cast.carl), media, SMOKE)
    assert decide(api(cast.ana), media, TREE, HTTP_IF_MATCH="*").json() == UNREADABLE


def test_predictions_are_accepted_once_and_stay_what_they_are(cast: Cast, media: int) -> None:
    carl = api(cast.carl)
    source = predicted(media, [box(score=0.5)])
    answer = carl.post(f"/annotations/{source.pk}/accept")
    assert (answer.status_code, answer.json()["origin"], answer.json()["regions"]) == (201, "human", 1)
    again = carl.post(f"/annotations/{source.pk}/accept")
    assert again.json()["id"] == answer.json()["id"]
    assert carl.get(f"/annotations/{source.pk}/regions").json()["regions"][0]["score"] == 0.5
    assert Region.objects.filter(is_truth=True).count() == 1
    decide(carl, media, TREE, version=answer.json()["version"])
    assert carl.post(f"/annotations/{source.pk}/accept").status_code == 409
    assert carl.post(f"/annotations/{source.pk}/accept", HTTP_IF_MATCH='"99"').status_code == 412


def test_a_file_that_was_not_read_has_no_regions_to_show_or_accept(cast: Cast, media: int) -> None:
    carl, annotation = api(cast.carl), layer(api(cast.tower), media)
    shown = carl.get(f"/annotations/{annotation}/regions").json()
    assert (shown["regions"], shown["revision"], shown["sha256"]) == (None, 1, None)
    assert carl.post(f"/annotations/{annotation}/accept").status_code == 409
    bare = layer(api(cast.tower), media, None)
    assert carl.get(f"/annotations/{bare}/regions").json()["revision"] is None


def test_revisions_are_listed_compared_and_restored(cast: Cast, media: int) -> None:
    carl = api(cast.carl)
    row = decide(carl, media, SMOKE).json()
    path = f"/annotations/{row['annotation_id']}"
    decide(carl, media, SMOKE | {"x2": 0.4}, TREE, version=row["version"])
    found = carl.get(f"{path}/diff?from=1&to=2").json()
    assert [region["label"] for region in found["added"]] == ["tree"]
    assert [pair["iou"] for pair in found["moved"]] == [0.666667]
    assert (found["removed"], found["relabelled"], found["unchanged"], found["paired"]) == ([], [], 0, True)

    restored = carl.post(f"{path}/restore", {"revision": 1}, format="json")
    assert restored.json()["revision"] == 3
    assert restored.json()["regions"] == row["regions"]
    listed = carl.get(f"{path}/revisions").json()
    assert [(each["number"], each["author"], each["note"]) for each in listed] == [
        (1, "carl", None), (2, "carl", None), (3, "carl", "restored revision 1"),
    ]  # fmt: skip
    page = carl.get(f"{path}/revisions?limit=1&after=0")
    assert [each["number"] for each in page.json()] == [1]
    assert 'rel="next"' in page["Link"]


@pytest.mark.parametrize(
    ("query", "status"),
    [("?from=1&to=1", 200), ("?from=1", 422), ("?from=1&to=0", 422), ("?from=1&to=x", 422), ("?from=1&to=9", 404),
     ("?from=1&to=99999999999999999999", 404), ("?from=1&to=1&by=me", 422)],
)  # fmt: skip
def test_a_comparison_names_two_revisions(cast: Cast, media: int, query: str, status: int) -> None:
    row = decide(api(cast.carl), media, SMOKE).json()
    assert api(cast.carl).get(f"/annotations/{row['annotation_id']}/diff{query}").status_code == status


def test_a_revision_that_there_is_not_is_not_restored(cast: Cast, media: int) -> None:
    row = decide(api(cast.carl), media, SMOKE).json()
    path = f"/annotations/{row['annotation_id']}/restore"
    assert api(cast.carl).post(path, {"revision": 2}, format="json").status_code == 404
    stale = api(cast.carl).post(path, {"revision": 1}, format="json", HTTP_IF_MATCH='"99"')
    assert stale.status_code == 412


def test_no_file_of_six_columns_becomes_truth(cast: Cast, media: int) -> None:
    carl = api(cast.carl)
    row = decide(carl, media, SMOKE).json()
    answer = upload(carl, f"/annotations/{row['annotation_id']}", b"0 0.5 0.5 0.1 0.1 0.93\n", "a.txt")
    assert answer.status_code == 409
    assert Annotation.objects.filter(is_truth=True).get().current.sha256 == row["sha256"]  # type: ignore[union-attr]
