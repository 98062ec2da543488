"""Lists: the newest fifty, keyset walks in both directions, declared filters only."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.tests.cast import Cast, api, make_access
from curation.models import Annotation, Media
from curation.tests.contract.helpers import announce, layer, rows_of, stored

LISTS = ["/media", "/media/", "/api/v1/media", "/annotations", "/accesses", "/tokens"]
LINK = re.compile(r'<([^>]+)>; rel="(prev|next)"')
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def links(answer: Any) -> dict[str, str]:
    return {rel: url for url, rel in LINK.findall(answer.get("Link", ""))}


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()]


def walk(client: APIClient, start: str, rel: str, between: Callable[[], object] = lambda: None) -> list[list[int]]:
    """The ids of each page from `start` on, following `rel`; `between` runs after each page."""
    pages, url = [], start
    while url:
        answer = client.get(url)
        pages.append(ids(answer))
        between()
        url = links(answer).get(rel, "")
    return pages


def flat(pages: list[list[int]]) -> list[int]:
    return [number for page in pages for number in page]


@pytest.fixture
def carl(cast: Cast) -> APIClient:
    return api(cast.carl)


def test_without_parameters_the_newest_fifty_come_in_ascending_order(cast: Cast, carl: APIClient) -> None:
    made = [row.pk for row in rows_of(cast.tower, 60)]
    answer = carl.get("/media")

    assert ids(answer) == made[-50:]
    assert links(answer) == {"prev": f"http://testserver/media?before={made[10]}"}


def test_a_list_that_fits_has_no_links(cast: Cast, carl: APIClient) -> None:
    rows_of(cast.tower, 50)
    answer = carl.get("/media")
    assert "Link" not in answer
    assert isinstance(answer.json(), list)


@pytest.mark.parametrize("path", LISTS)
def test_an_empty_list_is_an_empty_array(cast: Cast, path: str) -> None:
    answer = api(cast.ada).get(path, {"after": 10**15})
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["1", "50", "1000"])
def test_limits_within_bounds_are_taken(cast: Cast, path: str, limit: str) -> None:
    assert len(api(cast.ada).get(path, {"limit": limit}).json()) <= int(limit)


BAD = [
    "limit=0", "limit=-1", "limit=1001", "limit=1e9", "limit=abc", "limit=1e400", "limit=1.5", "limit=", "limit=NaN",
    f"limit={'9' * 5000}", "limit=1&limit=2", "before=0", "before=-1", "before=x", "after=-1", "after=x", "after=",
    "before=1e1000000", f"after={2**63}", f"before={'9' * 5000}", "before=5&after=1", "before=5&before=6",
    "limit=5%00", "limit=%ff",
]  # fmt: skip


@pytest.mark.parametrize("path", ["/media", "/annotations", "/accesses", "/tokens"])
@pytest.mark.parametrize("query", BAD, ids=lambda query: query[:20])
def test_a_page_that_cannot_be_is_refused_by_name(cast: Cast, path: str, query: str) -> None:
    """B40."""
    answer = api(cast.ada).get(f"{path}?{query}")
    assert answer.status_code == 422
    loc = answer.json()["detail"][0]["loc"]
    assert loc[0] == "query"
    assert loc[1] == query.partition("=")[0]


UNKNOWN = [
    "owner__password__startswith=p", "owner__password__regex=^argon2", "owner__login=ada", "media__owner=1",
    "media__created_by__password__regex=x", "offset=10", "page=2", "cursor=abc", "fields=id", "expand=owner",
    "include=*", "format=csv", "ordering=password", "order_by=id", "search=x", "q=x", "callback=alert", "Type=image",
    "type__in=image", "sha256__startswith=a", "id=1", "deleted_at=", "_method=DELETE", "=", "limit[]=5", "%00=1",
]  # fmt: skip


@pytest.mark.parametrize("path", ["/media", "/annotations", "/accesses", "/tokens"])
@pytest.mark.parametrize("query", UNKNOWN)
def test_a_parameter_that_is_not_declared_is_refused_never_ignored(cast: Cast, path: str, query: str) -> None:
    """B35, B38, B118."""
    if path == "/annotations" and query == "format=csv":
        return
    answer = api(cast.ada).get(f"{path}?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "query"
    assert answer["Content-Type"] == "application/json"


def test_every_other_route_takes_no_parameter_at_all(cast: Cast) -> None:
    media = stored(api(cast.tower))
    annotation = layer(api(cast.tower), media)
    client = api(cast.ada)
    for path in (f"/media/{media}", f"/media/{media}/url", f"/annotations/{annotation}", "/accesses/me"):
        assert client.get(f"{path}?x=1").status_code == 422
    for path in ("/media", f"/media/{media}/upload", "/annotations", "/entries", "/accesses", "/tokens"):
        assert client.post(f"{path}?x=1").status_code == 422
    assert (
        api().post("/login/access-token?x=1", "", content_type="application/x-www-form-urlencoded").status_code == 422
    )


@pytest.mark.parametrize("limit", [1, 10, 50, 136, 137, 138])
def test_following_prev_reaches_every_row_once(cast: Cast, carl: APIClient, limit: int) -> None:
    made = [row.pk for row in rows_of(cast.tower, 137)]
    pages = walk(carl, f"/media?limit={limit}", "prev")
    assert flat(pages[::-1]) == made


@pytest.mark.parametrize("limit", [1, 10, 50, 136, 137, 138])
def test_following_next_from_zero_reaches_every_row_once(cast: Cast, carl: APIClient, limit: int) -> None:
    made = [row.pk for row in rows_of(cast.tower, 137)]
    pages = walk(carl, f"/media?after=0&limit={limit}", "next")
    assert flat(pages) == made


@pytest.mark.parametrize(("start", "rel"), [("/media?limit=20", "prev"), ("/media?after=0&limit=20", "next")])
def test_rows_that_come_and_go_during_a_walk_disturb_it_not(cast: Cast, carl: APIClient, start: str, rel: str) -> None:
    made = [row.pk for row in rows_of(cast.tower, 137)]
    doomed = iter(made[5::30])

    def meanwhile() -> None:
        rows_of(cast.tower, 3)
        Media.objects.filter(pk=next(doomed, 0)).update(deleted_at=NOON)

    met = flat(walk(carl, start, rel, meanwhile))
    assert len(met) == len(set(met))
    assert set(made) - set(met) <= set(made[5::30])


def test_a_walk_may_turn_round(cast: Cast, carl: APIClient) -> None:
    made = [row.pk for row in rows_of(cast.tower, 30)]
    middle = carl.get("/media", {"before": made[20], "limit": 10})
    assert ids(middle) == made[10:20]
    assert ids(carl.get(links(middle)["next"])) == made[20:30]
    assert ids(carl.get(links(middle)["prev"])) == made[:10]
    newer = carl.get(links(middle)["next"])
    assert ids(carl.get(links(newer)["prev"])) == made[10:20]


@pytest.mark.parametrize(
    ("mount", "host"), [("/media", "testserver"), ("/media/", "testserver"), ("/api/v1/media", "testserver")]
)
def test_links_stay_where_they_were_asked_and_keep_the_filters(
    cast: Cast, carl: APIClient, mount: str, host: str
) -> None:
    rows_of(cast.tower, 30)
    answer = carl.get(f"{mount}?limit=10&type=image&owner={cast.tower.pk}")
    url = links(answer)["prev"]
    assert url.startswith(f"http://{host}{mount}?")
    assert "type=image" in url
    assert f"owner={cast.tower.pk}" in url
    assert len(flat(walk(carl, url, "prev"))) == 20


def test_annotations_accesses_and_tokens_are_walked_the_same_way(cast: Cast) -> None:
    [media] = rows_of(cast.tower, 1)
    Annotation.objects.bulk_create([Annotation(media=media, owner=cast.tower) for _ in range(25)])
    for n in range(25):
        make_access(f"person-{n}", "user")
    client = api(cast.ada)
    assert len(set(flat(walk(client, "/annotations?limit=10", "prev")))) == 25
    assert len(set(flat(walk(client, "/accesses?after=0&limit=10", "next")))) == 31
    assert flat(walk(client, "/tokens?limit=1", "prev")) == ids(client.get("/tokens"))


def filtered(client: APIClient, path: str = "/media", **query: Any) -> list[int]:
    return ids(client.get(f"{path}?{urlencode(query)}"))


def test_media_are_found_by_each_declared_filter(cast: Cast, carl: APIClient) -> None:
    full = stored(api(cast.tower), captured_at="2026-05-01T10:00:00Z")
    empty = announce(api(cast.other_tower), type="video", captured_at="2026-05-02T10:00:00Z")
    for media, at in ((full, NOON), (empty, NOON + timedelta(days=1))):
        Media.objects.filter(pk=media).update(created_at=at, updated_at=at)
    digest = Media.objects.get(pk=full).sha256

    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({"type": "image"}, [full]),
        ({"type": "video"}, [empty]),
        ({"uploaded": "true"}, [full]),
        ({"uploaded": "false"}, [empty]),
        ({"sha256": digest}, [full]),
        ({"sha256": digest.upper()}, [full]),
        ({"sha256": "0" * 64}, []),
        ({"owner": cast.tower.pk}, [full]),
        ({"owner": 987654}, []),
        ({"captured_from": "2026-05-01T10:00:00Z"}, [full, empty]),
        ({"captured_from": "2026-05-01T10:00:00.000001Z"}, [empty]),
        ({"captured_to": "2026-05-02T10:00:00Z"}, [full]),
        ({"captured_to": "2026-05-02T12:00:00.000001+02:00"}, [full, empty]),
        ({"created_from": "2026-06-02T12:00:00Z"}, [empty]),
        ({"created_to": "2026-06-02T12:00:00Z"}, [full]),
        ({"updated_since": "2026-06-02T12:00:00Z"}, [empty]),
        ({"type": "image", "uploaded": "false"}, []),
    ]  # fmt: skip
    for query, found in cases:
        assert filtered(carl, **query) == found, query


def test_a_change_is_seen_by_updated_since(cast: Cast, carl: APIClient) -> None:
    with time_machine.travel(NOON, tick=False):
        media = announce(api(cast.tower))
    later = NOON + timedelta(hours=1)
    assert filtered(carl, updated_since=later.isoformat()) == []
    with time_machine.travel(later, tick=False):
        api(cast.tower).patch(f"/media/{media}", {"camera": "x"}, format="json")
    assert filtered(carl, updated_since=later.isoformat()) == [media]


def test_annotations_are_found_by_each_declared_filter(cast: Cast, carl: APIClient) -> None:
    one, two = announce(api(cast.tower)), announce(api(cast.tower))
    predicted, imported = layer(api(cast.tower), one), layer(api(cast.ana), two, None)
    text = Annotation.objects.get(pk=predicted).format
    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({"media_id": one}, [predicted]),
        ({"media_id": 987654}, []),
        ({"origin": "prediction"}, [predicted]),
        ({"origin": "imported"}, [imported]),
        ({"origin": "human"}, []),
        ({"state": "empty"}, [imported]),
        ({"state": "stored"}, [predicted]),
        ({"format": text}, [predicted]),
        ({"format": "no such format"}, []),
    ]
    for query, found in cases:
        assert filtered(carl, "/annotations", **query) == found, query


IMPOSSIBLE = [
    "type=film", "type=", "type=image&type=video", "uploaded=perhaps", "uploaded=", "sha256=abc", "sha256=",
    f"sha256={'g' * 64}", f"sha256={'0' * 65}", "owner=0", "owner=-1", "owner=abc", "owner=1e1000000", "owner=NaN",
    "owner=1.5", "owner=Infinity", f"owner={'9' * 99}", "captured_from=yesterday", "captured_from=2026-02-30",
    "captured_from=2026-02-30T00:00:00Z", "captured_to=0001-01-01T00:00:00%2B14:00", "captured_to=",
    "created_to=9999-12-31T23:59:59-14:00", "updated_since=%00", "created_from=1", f"owner={'1' * 5000}",
    "owner=٣", "owner=１", "owner=1_0",
]  # fmt: skip


@pytest.mark.parametrize("query", IMPOSSIBLE, ids=lambda query: query[:30])
def test_a_filter_that_cannot_be_is_refused_by_name(cast: Cast, carl: APIClient, query: str) -> None:
    """B41."""
    announce(api(cast.tower))
    answer = carl.get(f"/media?{query}")
    assert answer.status_code == 422, answer.content
    assert answer.json()["detail"][0]["loc"] == ["query", query.partition("=")[0]]


@pytest.mark.parametrize("query", ["captured_from=0001-01-01T00:00:00Z", "captured_to=9999-12-31T23:59:59.999999Z"])
def test_the_ends_of_time_are_times(cast: Cast, carl: APIClient, query: str) -> None:
    media = announce(api(cast.tower), captured_at="2026-05-01T10:00:00Z")
    assert ids(carl.get(f"/media?{query}")) == [media]


def test_tokens_of_an_access_beyond_the_column_are_none(cast: Cast) -> None:
    assert api(cast.ada).get("/tokens", {"access": 2**70}).json() == []
    assert api(cast.ada).get("/tokens", {"access": "x"}).status_code == 422
