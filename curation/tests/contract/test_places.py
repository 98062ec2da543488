"""Cameras, views and sequences over the API."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Organisation
from accounts.scopes import Sees
from accounts.tests.cast import Cast, api
from curation.models import Media, Sequence, View
from curation.tests.contract.helpers import UNREADABLE
from curation.tests.labels import box, predicted, ship_labels
from curation.tests.places import resolved, taken

pytestmark = pytest.mark.django_db


@pytest.fixture
def forest(cast: Cast) -> Organisation:
    found: Organisation = Organisation.objects.get(name="Forest Watch")
    return found


def body(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return answer.json()


def numbers(answer: Any) -> list[int]:
    return [row["id"] for row in body(answer)]


def test_places_are_seen_by_their_organisation_and_by_who_sees_all(cast: Cast, forest: Organisation) -> None:
    resolved(taken(organisation=forest), taken(camera="ridge"))
    for route, sizes in (("/cameras", (1, 0, 2)), ("/views", (1, 0, 2)), ("/sequences", (1, 0, 2))):
        found = [len(numbers(api(access).get(route))) for access in (cast.ana, cast.olga, cast.carl)]
        assert tuple(found) == sizes, route
    cast.olga.sees = Sees.LISTED
    cast.olga.save()
    cast.olga.listed.add(forest)
    assert len(numbers(api(cast.olga).get("/cameras"))) == 1


@pytest.mark.parametrize("kind", ["cameras", "views", "sequences"])
def test_hidden_and_unknown_places_are_told_apart_only_for_who_sees_all(cast: Cast, kind: str) -> None:
    resolved(taken())
    number = numbers(api(cast.carl).get(f"/{kind}"))[0]
    for wanted in (number, number + 999, 10**30):
        answer = api(cast.ana).get(f"/{kind}/{wanted}")
        assert (answer.status_code, answer.json()) == (403, UNREADABLE)
    assert api(cast.carl).get(f"/{kind}/{number + 999}").status_code == 404


def test_which_media_of_a_sequence_are_seen_the_media_decide(cast: Cast, forest: Organisation) -> None:
    hers = taken(0, organisation=forest, owner=cast.ana)
    resolved(hers, taken(1, organisation=forest, owner=cast.tower))
    sequence = Sequence.objects.get()
    assert numbers(api(cast.ana).get(f"/sequences/{sequence.pk}/media")) == [hers.pk]
    assert len(numbers(api(cast.carl).get(f"/sequences/{sequence.pk}/media"))) == 2


def test_a_camera_is_described(cast: Cast) -> None:
    resolved(taken())
    client = api(cast.carl)
    [row] = body(client.get("/cameras"))
    path = f"/cameras/{row['id']}"
    said = {"latitude": 44.6, "longitude": 4.4, "elevation": 812.0, "fov": 54.2, "timezone": "Europe/Paris"}
    assert body(client.patch(path, said, format="json")).items() >= said.items()
    stale = client.patch(path, {"fov": 60}, format="json", headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    for wrong in ({"latitude": 90.1}, {"latitude": None}, {"timezone": "Mars"}, {"name": ""}, {"fov": 0}, {"fov": 361}):
        assert client.patch(path, wrong, format="json").status_code == 422, wrong


@pytest.mark.parametrize(("asked", "azimuth"), [(0, 0), (359, 359), (360, 0), (999, None), (None, None)])
def test_the_azimuth_of_a_view_is_corrected(cast: Cast, asked: int | None, azimuth: int | None) -> None:
    [row] = resolved(taken())
    answer = api(cast.carl).patch(f"/views/{row.view_id}", {"azimuth": asked}, format="json")
    assert body(answer)["azimuth"] == azimuth
    assert body(api(cast.carl).get(f"/media/{row.pk}"))["view"]["azimuth"] == azimuth
    assert body(api(cast.carl).get(f"/media/{row.pk}"))["azimuth"] == 110


@pytest.mark.parametrize("azimuth", [361, 998, -1, "north"])
def test_what_is_no_azimuth_is_refused(cast: Cast, azimuth: Any) -> None:
    [row] = resolved(taken())
    assert api(cast.carl).patch(f"/views/{row.view_id}", {"azimuth": azimuth}, format="json").status_code == 422


def test_views_are_merged_and_shown_as_one_until_that_is_undone(cast: Cast) -> None:
    old, new = resolved(taken(0), taken(0, azimuth=127))
    client = api(cast.carl)
    before = list(Media.objects.order_by("pk").values())
    merged = body(client.post(f"/views/{old.view_id}/merge", {"into": new.view_id}, format="json"))
    assert (merged["merged_into"], merged["shown_as"]) == (new.view_id, new.view_id)
    assert numbers(client.get(f"/media?view={new.view_id}")) == [old.pk, new.pk]
    assert [row["view"]["azimuth"] for row in body(client.get("/media"))] == [127, 127]
    again = client.post(f"/views/{old.view_id}/merge", {"into": new.view_id}, format="json")
    assert again.status_code == 409
    undone = body(client.delete(f"/views/{old.view_id}/merge"))
    assert (undone["merged_into"], undone["shown_as"]) == (None, old.view_id)
    assert numbers(client.get(f"/media?view={new.view_id}")) == [new.pk]
    assert list(Media.objects.order_by("pk").values()) == before
    assert client.delete(f"/views/{old.view_id}/merge").status_code == 409


def test_a_view_merged_into_one_without_azimuth_is_shown_without(cast: Cast) -> None:
    old, unknown = resolved(taken(0), taken(0, azimuth=None))
    api(cast.carl).post(f"/views/{old.view_id}/merge", {"into": unknown.view_id}, format="json")
    shown = body(api(cast.carl).get(f"/media/{old.pk}"))["view"]
    assert (shown["id"], shown["azimuth"]) == (unknown.view_id, None)


def test_media_are_found_by_camera_view_and_sequence(cast: Cast) -> None:
    one, two, other = resolved(taken(0), taken(0, azimuth=127), taken(0, camera="ridge"))
    client = api(cast.carl)
    assert one.view
    assert numbers(client.get(f"/media?camera={one.view.camera_id}")) == [one.pk, two.pk]
    assert numbers(client.get(f"/media?view={two.view_id}")) == [two.pk]
    assert numbers(client.get(f"/media?sequence={other.item.sequence_id}")) == [other.pk]
    for name in ("camera", "view", "sequence"):
        assert numbers(client.get(f"/media?{name}=999")) == []
        assert client.get(f"/media?{name}=brison").status_code == 422
    assert numbers(client.get(f"/views?camera={one.view.camera_id}")) == [one.view_id, two.view_id]
    assert numbers(client.get("/sequences?origin=human")) == []


def test_a_sequence_is_walked_in_order_page_by_page(cast: Cast) -> None:
    late, early, unknown = (taken(n, sequence="fire 7") for n in (9, 1, None))
    twins = [taken(5, sequence="fire 7", name_folded=name) for name in ("b", "a", "a")]
    resolved(late, early, unknown, *twins)
    order = [unknown, early, twins[1], twins[2], twins[0], late]
    client, walked = api(cast.carl), []
    path = f"/sequences/{Sequence.objects.get().pk}/media?limit=2"
    while path:
        answer = client.get(path)
        walked += numbers(answer)
        path = answer.get("Link", "").partition(">")[0].removeprefix("<")
    assert walked == [row.pk for row in order]
    assert client.get(f"/sequences/{Sequence.objects.get().pk}/media?after=999").status_code == 422
    assert client.get(f"/sequences/{Sequence.objects.get().pk}/media?before=1").status_code == 422


def test_a_sequence_is_split_merged_and_taken_apart(cast: Cast) -> None:
    rows = resolved(*(taken(n) for n in range(3)))
    client, first = api(cast.carl), Sequence.objects.get().pk
    part = body(client.post(f"/sequences/{first}/split", {"media_id": rows[1].pk}, format="json"), 201)
    assert numbers(client.get(f"/sequences/{part['id']}/media")) == [rows[1].pk, rows[2].pk]
    body(client.post(f"/sequences/{part['id']}/merge", {"into": first}, format="json"))
    assert numbers(client.get(f"/sequences/{first}/media")) == [row.pk for row in rows]
    whole = body(client.get(f"/sequences/{first}"))
    assert (whole["started_at"], whole["ended_at"]) == (
        "2024-03-06T12:00:00.000000Z", "2024-03-06T12:02:00.000000Z",
    )  # fmt: skip
    body(client.delete(f"/sequences/{part['id']}/merge"))
    assert numbers(client.get(f"/sequences/{first}/media")) == [rows[0].pk]
    refused = client.post(f"/sequences/{first}/split", {"media_id": rows[2].pk}, format="json")
    assert (refused.status_code, "is not in this sequence" in refused.json()["detail"]) == (409, True)
    named = body(client.patch(f"/sequences/{first}", {"name": "smoke"}, format="json"))
    assert named["name"] == "smoke"


def test_what_a_model_said_of_a_sequence_is_accepted_as_a_whole(cast: Cast) -> None:
    ship_labels()
    rows = resolved(*(taken(n) for n in range(3)))
    client, path = api(cast.carl), f"/sequences/{Sequence.objects.get().pk}/accept"
    refused = client.post(path)
    assert (refused.status_code, "No model has said anything" in refused.json()["detail"]) == (409, True)
    for row in rows[:2]:
        predicted(row, [box(score=0.9, is_prediction=True)])
    made = client.post(path)
    assert made.status_code == 201
    assert [(layer["media_id"], layer["origin"]) for layer in made.json()] == [(row.pk, "human") for row in rows[:2]]
    assert client.post(path).json() == made.json(), "accepted again, nothing changes"


def test_a_merge_into_what_is_not_seen_is_refused(cast: Cast, forest: Organisation) -> None:
    cast.carl.sees = Sees.OWN
    cast.carl.save()
    hers, other = resolved(taken(organisation=forest), taken())
    answer = api(cast.carl).post(f"/views/{hers.view_id}/merge", {"into": other.view_id}, format="json")
    assert (answer.status_code, answer.json()) == (403, UNREADABLE)
    assert not View.objects.exclude(merged_into=None).exists()
