"""Filters of media: what they find together is what somebody would find who looked at every row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Access
from accounts.refusals import Invalid
from accounts.scopes import Sees
from accounts.tests.cast import Cast, api
from curation.actions.searching import NAMES, heeded, understood
from curation.models import Cluster, Media, Region
from curation.tests.duplicates.rows import clustered
from curation.tests.labels import ship_labels
from curation.tests.places import NOON, resolved, taken
from curation.tests.search.helpers import crowd, layer, pictured, seen

pytestmark = pytest.mark.django_db


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()]


def found(access: Access, **said: Any) -> list[int]:
    return ids(api(access).get(f"/media?{urlencode(said)}"))


Checks = dict[str, Callable[[str], bool]]
KIND = {"smoke": "smoke", "wildfire": "smoke", "antenna": "false_positive", "dark": "false_positive"}
HOURS = [f"2024-03-06T{hour:02}:00:00Z" for hour in range(12, 17)]
SAID: dict[str, st.SearchStrategy[str]] = {
    "type": st.sampled_from(["image", "video"]),
    "uploaded": st.sampled_from(["true", "false"]),
    "light": st.sampled_from(["day", "night", "unknown"]),
    "captured_from": st.sampled_from(HOURS),
    "captured_to": st.sampled_from(HOURS),
    "size_from": st.sampled_from(["1000", "1005", "1010"]),
    "size_to": st.sampled_from(["1005", "1010", "1011"]),
    "state": st.sampled_from(["parsed", "problem"]),
    "label": st.sampled_from(["smoke", "wildfire", "antenna"]),
    "label_kind": st.sampled_from(["smoke", "false_positive"]),
    "origin": st.sampled_from(["prediction", "imported", "human"]),
    "truth": st.sampled_from(["true", "false"]),
    "score_from": st.sampled_from(["0", "0.25", "0.5", "1"]),
    "score_to": st.sampled_from(["0", "0.5", "1"]),
}


def fits(media: Media, said: dict[str, str]) -> bool:
    """By looking at one media, in Python."""
    at = media.captured_at.isoformat().replace("+00:00", "Z") if media.captured_at else ""
    checks: Checks = {
        "type": lambda value: media.type == value,
        "uploaded": lambda value: bool(media.sha256) is (value == "true"),
        "light": lambda value: (media.light or "unknown") == value,
        "captured_from": lambda value: at != "" and at >= value,
        "captured_to": lambda value: at != "" and at < value,
        "size_from": lambda value: media.size is not None and media.size >= int(value),
        "size_to": lambda value: media.size is not None and media.size <= int(value),
        "state": lambda value: value in {one.state for one in media.annotations.all()},
    }
    of_a_region = {name: value for name, value in said.items() if name not in checks}
    of_the_media = all(checks[name](value) for name, value in said.items() if name in checks)
    one_fits = not of_a_region or any(region_fits(region, of_a_region) for region in media.regions.all())
    return of_the_media and one_fits


def region_fits(region: Region, said: dict[str, str]) -> bool:
    assert region.label is not None
    code, score = region.label.code, region.score
    checks: Checks = {
        "label": lambda value: code == value,
        "label_kind": lambda value: KIND[code] == value,
        "origin": lambda value: region.origin == value,
        "truth": lambda value: region.is_truth is (value == "true"),
        "score_from": lambda value: score is not None and score >= float(value),
        "score_to": lambda value: score is not None and score <= float(value),
    }
    return all(checks[name](value) for name, value in said.items())


@pytest.mark.parametrize("seed", [1, 2])
def test_filters_together_find_what_a_look_at_every_row_finds(seed: int) -> None:
    rows = crowd(14, seed)
    known = list(Media.objects.order_by("pk").prefetch_related("annotations", "regions__label"))
    assert len(known) == len(rows)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.fixed_dictionaries({}, optional=SAID))
    def agree(said: dict[str, str]) -> None:
        search = understood(said)
        got = list(search.rows(None).order_by("pk").values_list("pk", flat=True).distinct())
        assert got == [media.pk for media in known if fits(media, said)]

    agree()


def test_every_filter_is_declared_once_and_tried_here_or_by_its_own_test() -> None:
    elsewhere = {
        "sha256", "owner", "organisation", "created_from", "created_to", "updated_since", "camera", "view", "sequence",
        "near_duplicate",
    }  # fmt: skip
    assert {*SAID} | elsewhere == {*NAMES}


def test_conditions_about_regions_hold_for_one_region(cast: Cast) -> None:
    ship_labels()
    one, both = pictured(1), pictured(2)
    seen(one, "smoke", 0.1)
    seen(one, "dark", 0.9)
    seen(both, "smoke", 0.9)
    assert found(cast.carl, label="smoke", score_from=0.5) == [both.pk]
    assert found(cast.carl, label="smoke") == [one.pk, both.pk]
    assert found(cast.carl, score_from=0.5) == [one.pk, both.pk]


def test_a_region_without_a_score_is_in_no_range_of_scores(cast: Cast) -> None:
    ship_labels()
    unscored, nothing = pictured(1), pictured(2)
    seen(unscored, "smoke", None)
    seen(nothing, "smoke", 0.0)
    for said in ({"score_from": 0}, {"score_to": 1}, {"score_from": 0, "score_to": 0}):
        assert found(cast.carl, **said) == [nothing.pk]


def test_a_media_comes_once_however_many_regions_fit(cast: Cast) -> None:
    ship_labels()
    rows = [pictured(number) for number in range(5)]
    for media in rows:
        one, other = layer(media, state="problem"), layer(media, state="problem")
        for of in (one, one, other):
            seen(media, "smoke", 0.5, of=of)
    carl = api(cast.carl)
    expected = [row.pk for row in rows]
    for said in ({"label": "smoke"}, {"state": "problem"}, {"label": "smoke", "state": "problem"}):
        assert found(cast.carl, **said) == expected
        pages, address = [], f"/media?{urlencode(said | {'limit': 2, 'after': 0})}"
        while address:
            answer = carl.get(address)
            pages.append(ids(answer))
            address = next(
                (part.split(">")[0][1:] for part in answer.get("Link", "").split(", ") if "next" in part), ""
            )
        assert pages == [expected[:2], expected[2:4], expected[4:]]


def test_places_and_organisations_find_their_media(cast: Cast) -> None:
    forest = cast.tower.organisation
    one, other = resolved(taken(0, organisation=forest, azimuth=110), taken(1, organisation=forest, azimuth=127))
    [elsewhere] = resolved(taken(2, camera="ridge"))
    assert one.view is not None
    assert found(cast.carl, camera=one.view.camera_id) == [one.pk, other.pk]
    assert found(cast.carl, view=one.view_id) == [one.pk]
    assert found(cast.carl, organisation=one.organisation_id) == [one.pk, other.pk]
    assert found(cast.carl, camera=one.view.camera_id, view=elsewhere.view_id) == []


# --- Who sees what ---------------------------------------------------------------------------------


def test_what_others_said_of_a_picture_does_not_tell_on_it(cast: Cast) -> None:
    """Ana sees her own picture, and not what a colleague drew on it."""
    ship_labels()
    hers = pictured(1, owner=cast.ana, organisation=cast.ana.organisation)
    seen(hers, "smoke", of=layer(hers, owner=cast.carl, state="problem"))
    for said in ({"label": "smoke"}, {"origin": "prediction"}, {"truth": "false"}, {"state": "problem"}):
        assert found(cast.ana, **said) == []
        assert found(cast.carl, **said) == [hers.pk]
    assert found(cast.ana, type="image") == [hers.pk]


def test_an_access_with_listed_organisations_searches_in_those(cast: Cast) -> None:
    ship_labels()
    forest, valley = cast.tower, cast.other_tower
    rows = {owner: pictured(owner.pk, owner=owner, organisation=owner.organisation) for owner in (forest, valley)}
    for media in rows.values():
        seen(media, "smoke", of=layer(media, owner=cast.ada))
    cast.carl.sees = Sees.LISTED
    cast.carl.save()
    assert forest.organisation is not None
    assert found(cast.carl, label="smoke") == []
    cast.carl.listed.add(forest.organisation)
    assert found(cast.carl, label="smoke") == [rows[forest].pk]


@pytest.mark.parametrize("seed", [3])
def test_who_sees_only_its_own_finds_what_its_own_rows_say(cast: Cast, seed: int) -> None:
    crowd(40, seed, owners=(cast.ana, cast.tower))
    search = understood({"label": "smoke"})
    mine = {
        media.pk
        for media in Media.objects.filter(owner=cast.ana)
        if media.regions.filter(label__code="smoke", annotation__owner=cast.ana).exists()
    }
    assert mine
    assert set(search.rows(cast.ana).values_list("pk", flat=True)) == mine


def test_deleted_media_and_annotations_are_found_by_nothing(cast: Cast) -> None:
    ship_labels()
    gone, living = pictured(1, deleted_at=NOON), pictured(2)
    seen(gone, "smoke")
    layer(living, state="problem", deleted_at=NOON)
    assert found(cast.carl, label="smoke") == []
    assert found(cast.carl, state="problem") == []


# --- Refused ---------------------------------------------------------------------------------------

IMPOSSIBLE = [
    "label=nonsense", "label_kind=fire", "origin=robot", "truth=1", "score_from=2", "score_from=-0.1", "score_to=nan",
    "score_to=1e-1", "score_from=٠", "size_from=-1", "size_to=1.5", "size_from=9223372036854775808", "light=dusk",
    "state=lost", "organisation=0", "order=size", "at=2024-01-01T00:00:00Z", "order=captured&before=7",
    "order=captured&before=7&at=noon", "order=captured&at=2024-01-01T00:00:00Z", "label=%20",
    "label=smoke&label=dark", "captured_from=%20",
]  # fmt: skip


@pytest.mark.parametrize("query", IMPOSSIBLE)
def test_what_cannot_be_is_refused_by_name(cast: Cast, query: str) -> None:
    ship_labels()
    answer = api(cast.carl).get(f"/media?{query}")
    assert answer.status_code == 422, answer.content
    named = answer.json()["detail"][0]["loc"]
    assert named[0] == "query"
    assert named[1] in f"{query} at"


def test_limits_are_taken_on_both_sides(cast: Cast) -> None:
    ship_labels()
    for said in ({"score_from": "0"}, {"score_to": "1.0"}, {"size_from": "0"}, {"size_to": str(2**63 - 1)}):
        assert found(cast.carl, **said) == []


def test_an_address_that_somebody_typed_is_heeded_where_it_can_be() -> None:
    ship_labels()
    said = {
        "label": "smoke",
        "score_from": "many",
        "light": "dusk",
        "origin": " ",
        "type": "\0",
        "nonsense": "1",
        "size_to": "9" * 200,
    }
    assert heeded(said).said == {"label": "smoke"}
    with pytest.raises(Invalid):
        understood(said)


# --- In the order of capture -----------------------------------------------------------------------


def walk(cast: Cast, start: str, rel: str) -> list[list[int]]:
    client, pages, address = api(cast.carl), [], start
    while address:
        answer = client.get(address)
        pages.append(ids(answer))
        address = next((part.split(">")[0][1:] for part in answer.get("Link", "").split(", ") if rel in part), "")
    return pages


def test_a_list_is_walked_in_the_order_of_capture_both_ways(cast: Cast) -> None:
    times = [3, 1, 1, 2, 0, 5, 4, 1]
    rows = [taken(minute) for minute in times]
    taken(None)  # has no place in that order
    expected = [row.pk for _, row in sorted(zip(times, rows, strict=True), key=lambda pair: (pair[0], pair[1].pk))]
    forwards = walk(cast, "/media?order=captured&after=0&limit=3", "next")
    assert forwards == [expected[:3], expected[3:6], expected[6:]]
    backwards = walk(cast, "/media?order=captured&limit=3", "prev")
    assert backwards == [expected[5:], expected[2:5], expected[:2]]


def test_the_order_of_capture_goes_with_filters_and_meets_each_media_once(cast: Cast) -> None:
    ship_labels()
    rows = [taken(minute) for minute in (2, 1, 0)]
    for media in rows:
        for _ in range(2):
            seen(media, "smoke")
    said = {"label": "smoke", "captured_from": NOON.isoformat(), "order": "captured"}
    assert found(cast.carl, **said) == [row.pk for row in rows[::-1]]
    said["captured_to"] = rows[0].captured_at.isoformat() if rows[0].captured_at else ""
    assert found(cast.carl, **said) == [rows[2].pk, rows[1].pk]


def test_a_walk_by_capture_goes_on_when_its_media_is_moved_in_time(cast: Cast) -> None:
    rows = [taken(minute) for minute in range(4)]
    client = api(cast.carl)
    first = client.get("/media?order=captured&after=0&limit=2")
    Media.objects.filter(pk=rows[1].pk).update(captured_at=None, captured_basis="none")
    assert ids(client.get(first["Link"].split(">")[0][1:])) == [rows[2].pk, rows[3].pk]


# --- Near-duplicates -------------------------------------------------------------------------------


def test_near_duplicates_are_those_of_clusters_that_nobody_denied(cast: Cast) -> None:
    alone = pictured(1)
    clusters = {kind: clustered(2) for kind in ("near", "frozen", "exact", "denied")}
    for kind, cluster in clusters.items():
        denied = {"decision": "not_duplicates", "decided_at": NOON}
        Cluster.objects.filter(pk=cluster.pk).update(**(denied if kind == "denied" else {"kind": kind}))
    members = {kind: list(cluster.items.values_list("media", flat=True)) for kind, cluster in clusters.items()}
    wanted = sorted(members["near"] + members["frozen"])
    assert found(cast.carl, near_duplicate="true") == wanted
    assert found(cast.carl, near_duplicate="false") == sorted([alone.pk, *members["exact"], *members["denied"]])
    Media.objects.filter(pk=members["near"][0]).update(deleted_at=NOON)
    assert found(cast.carl, near_duplicate="true") == members["frozen"]  # nothing is left for the other to look like


def test_a_near_duplicate_of_what_one_does_not_see_is_none(cast: Cast) -> None:
    cluster = clustered(2)
    hers, others = cluster.items.order_by("media").values_list("media", flat=True)
    Media.objects.filter(pk=hers).update(owner=cast.ana)
    assert found(cast.ana, near_duplicate="true") == []
    assert found(cast.ana, near_duplicate="false") == [hers]
    Media.objects.filter(pk=others).update(owner=cast.ana)
    assert found(cast.ana, near_duplicate="true") == [hers, others]
