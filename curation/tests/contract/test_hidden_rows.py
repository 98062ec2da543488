"""B22, B26, B32: what one may not see is not there, and nothing tells otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.scopes import Scope, Sees
from accounts.tests.cast import Cast, api, make_access
from curation.models import Annotation, Media
from curation.tests.contract.helpers import UNREADABLE, announce, everything, layer, stored, upload

REQUESTS: list[tuple[str, str, Any]] = [
    ("get", "/media/{media}", None),
    ("head", "/media/{media}", None),
    ("patch", "/media/{media}", {"camera": "x"}),
    ("get", "/media/{media}/url", None),
    ("get", "/annotations/{annotation}", None),
    ("head", "/annotations/{annotation}", None),
    ("get", "/annotations/{annotation}/url", None),
    ("put", "/media/{media}/regions", {"regions": []}),
    ("get", "/media/{media}/regions", None),
    ("get", "/annotations/{annotation}/regions", None),
    ("get", "/annotations/{annotation}/revisions", None),
    ("get", "/annotations/{annotation}/diff?from=1&to=1", None),
    ("post", "/annotations/{annotation}/accept", None),
    ("post", "/annotations/{annotation}/restore", {"revision": 1}),
]


def told(answer: Any) -> tuple[int, bytes, dict[str, str]]:
    headers = {name: value for name, value in answer.items() if name != "X-Request-ID"}
    return answer.status_code, answer.content, headers


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
@pytest.mark.parametrize("extra", [{}, {"HTTP_IF_NONE_MATCH": '"1"'}, {"HTTP_IF_MATCH": '"1"'}])
def test_unknown_deleted_and_invisible_ids_answer_alike(
    cast: Cast, method: str, path: str, body: Any, extra: dict[str, str]
) -> None:
    media = stored(api(cast.tower))
    annotation = layer(api(cast.tower), media)
    gone = stored(api(cast.tower))
    dead = layer(api(cast.tower), media)
    api(cast.ada).delete(f"/media/{gone}")
    api(cast.ada).delete(f"/annotations/{dead}")
    client = api(cast.olga)
    asked = {"invisible": (media, annotation), "deleted": (gone, dead), "unknown": (987654, 987654)}

    answers = {
        why: told(getattr(client, method)(path.format(media=m, annotation=a), body, format="json", **extra))
        for why, (m, a) in asked.items()
    }

    assert answers["unknown"] == answers["invisible"] == answers["deleted"]
    assert answers["unknown"][0] == 403


def test_uploads_to_unknown_and_invisible_rows_answer_alike_and_keep_nothing(cast: Cast) -> None:
    media = announce(api(cast.tower))
    before = everything()
    answers = [upload(api(cast.olga), f"/media/{number}") for number in (media, 987654)]
    assert told(answers[0]) == told(answers[1])
    assert answers[0].json() == UNREADABLE
    assert everything() == before


def test_lists_leave_out_what_one_may_not_see(cast: Cast) -> None:
    media = stored(api(cast.tower))
    layer(api(cast.tower), media)
    digest = Media.objects.get().sha256
    for client in (api(cast.ana), api(cast.other_tower)):
        for query in ("", f"?sha256={digest}", f"?owner={cast.tower.pk}", "?after=0"):
            assert client.get(f"/media{query}").json() == []
        assert client.get(f"/annotations?media_id={media}").json() == []


def test_a_curator_of_one_organisation_sees_and_changes_its_rows_only(cast: Cast) -> None:
    narrow = make_access("valley-curator", Scope.CURATOR, cast.other_tower.organisation)
    narrow.sees = Sees.LISTED
    narrow.save()
    assert cast.other_tower.organisation is not None
    narrow.listed.add(cast.other_tower.organisation)
    theirs, others = announce(api(cast.other_tower)), announce(api(cast.tower))
    client = api(narrow)

    assert [row["id"] for row in client.get("/media").json()] == [theirs]
    assert client.put(f"/media/{theirs}", {"type": "video"}, format="json").status_code == 200
    assert client.put(f"/media/{others}", {"type": "video"}, format="json").json() == UNREADABLE
    assert client.get("/media/987654").json() == UNREADABLE


def test_an_empty_list_of_organisations_sees_nothing_of_others(cast: Cast) -> None:
    blind = make_access("blind", Scope.CURATOR)
    blind.sees = Sees.LISTED
    blind.save()
    announce(api(cast.tower))
    assert api(blind).get("/media").json() == []


def test_an_annotation_is_not_moved_to_a_media_one_cannot_see(cast: Cast) -> None:
    """B32."""
    narrow = make_access("valley-curator", Scope.CURATOR, cast.other_tower.organisation)
    narrow.sees = Sees.LISTED
    narrow.save()
    assert cast.other_tower.organisation is not None
    narrow.listed.add(cast.other_tower.organisation)
    visible, hidden = announce(api(cast.other_tower)), announce(api(cast.tower))
    annotation = layer(api(cast.other_tower), visible, None)

    answer = api(narrow).put(f"/annotations/{annotation}", {"media_id": hidden}, format="json")

    assert answer.json() == UNREADABLE
    assert Annotation.objects.get(pk=annotation).media_id == visible
    moved = api(cast.carl).put(f"/annotations/{annotation}", {"media_id": hidden}, format="json")
    assert moved.json()["media_id"] == hidden
    unknown = api(cast.carl).put(f"/annotations/{annotation}", {"media_id": 987654}, format="json")
    assert unknown.json() == {"detail": "Table media has no entry with id=987654"}


def test_a_device_annotates_its_own_media_and_a_user_any(cast: Cast) -> None:
    media = announce(api(cast.tower))
    for client, status in ((api(cast.tower), 201), (api(cast.other_tower), 403), (api(cast.olga), 201)):
        assert client.post("/annotations", {"media_id": media}, format="json").status_code == status
    assert api(cast.ana).post("/annotations", {"media_id": 987654}, format="json").status_code == 404
    assert api(cast.other_tower).post("/annotations", {"media_id": 987654}, format="json").json() == UNREADABLE
