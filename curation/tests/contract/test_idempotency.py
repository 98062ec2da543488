"""Idempotency-Key: committed with the effect, the same answer for a day. C30."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from rest_framework.test import APIClient

from accounts.actions import accesses
from accounts.actor import command
from accounts.models import AuditEntry
from accounts.scopes import Scope
from accounts.tests.cast import Cast, api, make_cast, token_of
from curation.actions import idempotency
from curation.models import Annotation, AnnotationRevision, IdempotencyKey, Media
from curation.tests.contract.helpers import announce, everything, layer, upload
from curation.tests.pictures import LABEL, part, picture

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEY: dict[str, Any] = {"HTTP_IDEMPOTENCY_KEY": "one-and-the-same"}


def entry(client: APIClient, seed: int = 1, label: bytes = LABEL, **extra: Any) -> Any:
    files = {"file": part(picture(seed)), "annotation": part(label, "a.txt")}
    return client.post("/entries", files, format="multipart", **extra)


def test_the_same_request_again_has_one_effect_and_one_answer(cast: Cast) -> None:
    tower = api(cast.tower)
    media = announce(tower)
    annotation = layer(tower, media, None)
    requests: list[Callable[[], Any]] = [
        lambda: tower.post("/media", {"camera": "x"}, format="json", HTTP_IDEMPOTENCY_KEY="a"),
        lambda: tower.post("/annotations", {"media_id": media}, format="json", HTTP_IDEMPOTENCY_KEY="b"),
        lambda: upload(tower, f"/media/{media}", picture(1), HTTP_IDEMPOTENCY_KEY="c"),
        lambda: upload(tower, f"/annotations/{annotation}", LABEL, HTTP_IDEMPOTENCY_KEY="d"),
        lambda: entry(tower, HTTP_IDEMPOTENCY_KEY="e"),
    ]
    for request in requests:
        first = request()
        assert first.status_code in {200, 201}
        before = everything()
        again = request()
        assert (again.status_code, again.json()) == (first.status_code, first.json())
        assert everything() == before


def test_all_spellings_of_a_route_are_the_same_request(cast: Cast) -> None:
    tower = api(cast.tower)
    paths = ["/media", "/media/", "/api/v1/media", "/api/v1/media/"]
    assert len({tower.post(path, {}, format="json", **KEY).json()["id"] for path in paths}) == 1


def test_a_retry_may_write_its_json_in_another_way(cast: Cast) -> None:
    tower = api(cast.tower)
    bodies = ['{"type":"image","camera":"x"}', '{ "camera": "x", "type": "image", "colour": 1 }']
    made = {tower.post("/media", body, content_type="application/json", **KEY).json()["id"] for body in bodies}
    assert len(made) == 1


@pytest.mark.parametrize("other", ["route", "fields", "row", "file", "label"])
def test_the_same_key_with_another_request_is_422(cast: Cast, other: str) -> None:
    tower = api(cast.tower)
    one, two = announce(tower), announce(tower)
    firsts: dict[str, Callable[[], Any]] = {
        "route": lambda: tower.post("/media", {}, format="json", **KEY),
        "fields": lambda: tower.post("/media", {}, format="json", **KEY),
        "row": lambda: upload(tower, f"/media/{one}", picture(1), **KEY),
        "file": lambda: upload(tower, f"/media/{one}", picture(1), **KEY),
        "label": lambda: entry(tower, 1, **KEY),
    }
    assert firsts[other]().status_code in {200, 201}
    before = everything()
    seconds: dict[str, Callable[[], Any]] = {
        "route": lambda: tower.post("/annotations", {"media_id": one}, format="json", **KEY),
        "fields": lambda: tower.post("/media", {"type": "video"}, format="json", **KEY),
        "row": lambda: upload(tower, f"/media/{two}", picture(1), **KEY),
        "file": lambda: upload(tower, f"/media/{one}", picture(2), **KEY),
        "label": lambda: entry(tower, 1, b"other", **KEY),
    }
    answer = seconds[other]()

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["header", "Idempotency-Key"]
    assert everything() == before


def test_keys_of_two_accesses_are_two_keys(cast: Cast) -> None:
    ids = {
        api(access).post("/media", {}, format="json", **KEY).json()["id"] for access in (cast.tower, cast.other_tower)
    }
    assert len(ids) == 2


def test_a_key_holds_for_a_day_and_is_new_afterwards(cast: Cast) -> None:
    tower = api(cast.tower)
    with time_machine.travel(NOON, tick=False) as clock:
        first = tower.post("/media", {}, format="json", **KEY).json()
        clock.shift(timedelta(hours=24, microseconds=-1))
        assert tower.post("/media", {}, format="json", **KEY).json() == first
        assert idempotency.purge() == 0
        clock.shift(timedelta(microseconds=1))
        assert tower.post("/media", {}, format="json", **KEY).json() != first
        assert IdempotencyKey.objects.count() == 1
        clock.shift(timedelta(hours=24))
        assert idempotency.purge() == 1


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "é", "a\tb"])
def test_a_key_is_visible_ascii_of_two_hundred_characters_at_most(cast: Cast, key: str) -> None:
    tower = api(cast.tower)
    answer = tower.post("/media", {}, format="json", HTTP_IDEMPOTENCY_KEY=key)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["header", "Idempotency-Key"]
    assert tower.post("/media", {}, format="json", HTTP_IDEMPOTENCY_KEY="x" * 200).status_code == 201


def test_a_refused_request_uses_no_key_up(cast: Cast) -> None:
    tower = api(cast.tower)
    media = announce(tower)
    for _ in range(2):
        assert upload(tower, f"/media/{media}", b"no picture", **KEY).status_code == 415
    assert IdempotencyKey.objects.count() == 0
    assert upload(tower, f"/media/{media}", picture(1), **KEY).status_code == 200


def test_the_answer_is_kept_with_the_effect_and_survives_later_changes(cast: Cast) -> None:
    tower = api(cast.tower)
    media = announce(tower)
    first = upload(tower, f"/media/{media}", picture(1), **KEY).json()
    upload(tower, f"/media/{media}", picture(2))
    assert upload(tower, f"/media/{media}", picture(1), **KEY).json() == first
    assert Media.objects.get().sha256 != first["sha256"]


def test_a_key_gives_no_answer_to_who_has_lost_the_right(cast: Cast) -> None:
    tower = api(cast.tower)
    tower.post("/media", {}, format="json", **KEY)
    accesses.set_scope(cast.tower, Scope.USER, by=command())
    assert tower.post("/media", {}, format="json", **KEY).status_code == 403


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_routes_heed_no_key(cast: Cast, method: str) -> None:
    media = announce(api(cast.tower))
    getattr(api(cast.ada), method)(f"/media/{media}", {}, format="json", **KEY)
    assert IdempotencyKey.objects.count() == 0


def at_once(count: int, ask: Any) -> list[Any]:
    """The answers to `count` requests that start at the same moment."""
    barrier, answers = threading.Barrier(count), []

    def one(number: int) -> None:
        try:
            barrier.wait()
            answers.append(ask(number))
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.django_db(transaction=True)
def test_ten_at_once_have_one_effect_and_one_answer() -> None:
    cast = make_cast()
    authorization = f"Bearer {token_of(cast.tower)}"

    def ask(number: int) -> Any:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=authorization)
        return client.post("/media", {"camera": "mast"}, format="json", **KEY)

    answers = at_once(10, ask)

    assert {answer.status_code for answer in answers} == {201}, [answer.content for answer in answers]
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert Media.objects.count() == IdempotencyKey.objects.count() == 1
    assert AuditEntry.objects.filter(action="media.create").count() == 1


@pytest.mark.django_db(transaction=True)
def test_ten_entries_at_once_are_one_entry() -> None:
    cast = make_cast()
    authorization = f"Bearer {token_of(cast.tower)}"

    def ask(number: int) -> Any:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=authorization)
        return entry(client, 1, **KEY)

    answers = at_once(10, ask)

    assert {answer.status_code for answer in answers} == {201}, [answer.content for answer in answers]
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert (Media.objects.count(), Annotation.objects.count(), AnnotationRevision.objects.count()) == (1, 1, 1)
