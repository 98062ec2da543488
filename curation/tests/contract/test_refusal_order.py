"""401, scope 403, 422, 404, row 403, 409, 412: each request below has every fault from its line on."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.tests.cast import Cast, api, token_of
from curation.tests.contract.helpers import NOT_ALLOWED, UNREADABLE, announce, everything, layer, stored, upload
from curation.tests.contract.matrix import parsed

BAD_JSON: dict[str, Any] = {"data": "{", "content_type": "application/json"}
ROUTES = sorted(
    key for key in parsed() if key[0].startswith(("/media", "/annotations", "/accesses", "/tokens", "/ent"))
)
WITH_BODY = {"POST", "PUT", "PATCH"}


def knock(route: str, method: str, **extra: Any) -> Any:
    """A request in which everything else is wrong: path, query and body."""
    path = route.format(media_id="abc", annotation_id="-1", access_id="0", token_id="x")
    body = BAD_JSON if method in WITH_BODY else {}
    return getattr(Client(), method.lower())(f"{path}?nonsense=1", **body, **extra)


@pytest.mark.parametrize(("route", "method"), ROUTES)
def test_without_a_token_nothing_else_is_looked_at(cast: Cast, route: str, method: str) -> None:
    answer = knock(route, method)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})


@pytest.mark.parametrize(("route", "method"), ROUTES)
def test_then_the_scope_decides_and_then_the_form_of_the_request(cast: Cast, route: str, method: str) -> None:
    narrow = token_of(cast.ana, rights="read" if method != "GET" else "upload")
    answer = knock(route, method, HTTP_AUTHORIZATION=f"Bearer {narrow}")
    assert (answer.status_code, answer.json()) == (403, NOT_ALLOWED)

    answer = knock(route, method, HTTP_AUTHORIZATION=f"Bearer {token_of(cast.ada)}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "nonsense"]


ITEMS = [
    ("put", "/media/{id}", {"type": "film"}),
    ("patch", "/media/{id}", {"azimuth": -1}),
    ("put", "/annotations/{id}", {"media_id": "x"}),
    ("put", "/accesses/{id}", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), ITEMS)
def test_a_wrong_body_comes_before_an_unknown_id(cast: Cast, method: str, path: str, body: Any) -> None:
    answer = getattr(api(cast.ada), method)(path.format(id=987654), body, format="json")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"


@pytest.mark.parametrize("path", ["/media/{id}", "/annotations/{id}"])
def test_a_missing_file_comes_before_an_unknown_id(cast: Cast, path: str) -> None:
    for client in (api(cast.ada), api(cast.ana)):
        answer = client.post(f"{path.format(id=987654)}/upload", {}, format="multipart")
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", "file"]


def test_an_unknown_id_comes_before_what_the_file_is(cast: Cast) -> None:
    assert upload(api(cast.ada), "/media/987654", b"no picture").status_code == 404
    assert upload(api(cast.ana), "/media/987654", b"no picture").status_code == 403


def test_an_unknown_id_comes_before_a_row_that_is_not_ones_own(cast: Cast) -> None:
    media = announce(api(cast.tower))
    assert api(cast.olga).patch(f"/media/{media}", {}, format="json").json() == UNREADABLE


def test_a_row_that_is_not_ones_own_comes_before_its_state(cast: Cast) -> None:
    media = stored(api(cast.tower))
    stale: dict[str, Any] = {"HTTP_IF_MATCH": '"999"'}
    assert upload(api(cast.olga), f"/media/{media}", **stale).json() == UNREADABLE
    assert api(cast.ada).delete("/media/987654", **stale).status_code == 404


def test_an_outdated_version_is_412_and_a_contradiction_409(cast: Cast) -> None:
    media = stored(api(cast.tower))
    client = api(cast.carl)
    assert client.put(f"/media/{media}", {"type": "video"}, format="json").status_code == 409
    stale = client.put(f"/media/{media}", {"type": "video"}, format="json", HTTP_IF_MATCH='"999"')
    assert stale.status_code == 412


def test_a_media_with_annotations_is_not_deleted(cast: Cast) -> None:
    media = stored(api(cast.tower))
    annotation = layer(api(cast.tower), media)
    before = everything()
    answer = api(cast.ada).delete(f"/media/{media}")

    assert answer.status_code == 409
    assert answer.json() == {"detail": "This media has annotations; delete them first."}
    assert everything() == before
    api(cast.ada).delete(f"/annotations/{annotation}")
    assert api(cast.ada).delete(f"/media/{media}").status_code == 200
