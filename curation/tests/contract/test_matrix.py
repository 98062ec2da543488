"""B19, B20, B25: the permission matrix, and that it would notice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import get_resolver, path

from accounts import scopes
from accounts.scopes import Right, Scope
from accounts.tests.cast import Cast
from curation.tests.contract.helpers import use_folder
from curation.tests.contract.matrix import canonical, differences, make_scene, parsed, routes
from curation.tests.links import is_folder

pytestmark = pytest.mark.damages_storage  # answers are undone by rolling back, which leaves objects without rows
PATTERNS = get_resolver().url_patterns


@pytest.fixture(autouse=True)
def _links_lead_here(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """With a bucket as the store there is nothing at /files/; two hosts have no other."""
    if "TEST_HOSTS" not in os.environ:
        use_folder(request.getfixturevalue("settings"), tmp_path / "objects")


@pytest.mark.parametrize("room", ["/media", "/annotations", "/accesses", "/tokens", "/imports", "/uploads"])
def test_every_method_of_every_role_answers_as_the_table_says(cast: Cast, room: str) -> None:
    assert differences(make_scene(cast), PATTERNS, only=room) == []


def test_so_do_the_routes_that_need_no_token_and_entries(cast: Cast) -> None:
    rest = {
        key: row
        for key, row in parsed().items()
        if not key[0].startswith(("/media", "/ann", "/acc", "/tok", "/imp", "/up"))
    }
    if not is_folder():
        rest = {key: row for key, row in rest.items() if not key[0].startswith(("/files/", "/incoming/"))}
    found = differences(make_scene(cast), PATTERNS, rest)
    assert [line for line in found if not line.endswith("has no row")] == []


def test_every_spelling_of_a_route_is_answered_by_one_view() -> None:
    views: dict[str, set[object]] = {}
    spellings: dict[str, set[str]] = {}
    for route, view in routes(PATTERNS):
        views.setdefault(canonical(route), set()).add(getattr(view, "cls", view))
        spellings.setdefault(canonical(route), set()).add(route)
    assert {route for route, found in views.items() if len(found) > 1} == set()
    for route in {route for route, _ in parsed()}:
        if route.startswith(
            ("/media", "/annotations", "/accesses", "/tokens", "/imports", "/uploads", "/entries", "/login")
        ):
            expected = {route, f"{route}/", f"/api/v1{route}", f"/api/v1{route}/"}
            assert spellings[route] == expected


def test_a_wrong_permission_is_noticed(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make_scene(cast)
    monkeypatch.setitem(scopes.RIGHTS, Scope.USER, scopes.RIGHTS[Scope.USER] | {Right.DELETE_MEDIA})

    assert differences(scene, PATTERNS, only="/media/{media_id}") == [
        "DELETE /media/{media_id} as ana: 200, not 403",
    ]


def test_a_route_without_a_row_is_noticed(cast: Cast) -> None:
    def forgotten(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    planted = [*PATTERNS, path("api/v1/forgotten/", forgotten)]
    assert differences(make_scene(cast), planted, only="no such route") == ["/forgotten has no row"]


def test_a_method_without_a_row_is_noticed(cast: Cast) -> None:
    table = parsed()
    del table["/media/{media_id}", "PATCH"]
    found = differences(make_scene(cast), PATTERNS, table, only="/media/{media_id}")
    assert "PATCH /media/{media_id} as ana: 200, not 405" in found
