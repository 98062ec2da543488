"""/tokens: named, long-lived, revocable; the plaintext is shown once."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.actions import tokens
from accounts.actor import command
from accounts.models import Access, ApiToken, AuditEntry
from accounts.scopes import TokenRights
from accounts.tests.cast import Cast, api, token_of
from accounts.tests.doors import bearer

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def month() -> str:
    return (timezone.now() + timedelta(days=30)).isoformat()


def make(cast: Cast, **fields: object) -> dict[str, Any]:
    answer = api(cast.tower).post("/tokens", {"name": "mast"} | fields, format="json")
    assert answer.status_code == 201, answer.content
    row: dict[str, Any] = answer.json()
    return row


def test_the_secret_is_shown_once_and_only_its_digest_is_kept(cast: Cast) -> None:
    """B14."""
    client, token = api(cast.tower), make(cast)
    secret = str(token["token"])

    assert secret.startswith("pyro_")
    assert len(secret) == len("pyro_") + 43  # 256 bits
    assert ApiToken.objects.get(pk=token["id"]).digest == hashlib.sha256(secret.encode()).hexdigest()
    listed = client.get("/tokens")
    assert secret not in listed.content.decode()
    assert "digest" not in listed.content.decode()
    assert {row["prefix"] for row in listed.json()} >= {secret[:12]}
    assert secret not in str(list(ApiToken.objects.values()))


def test_a_devices_token_may_have_no_end_and_keeps_its_last_use(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        token = make(cast)
        client = bearer(str(token["token"]))
        assert client.get("/media").status_code == 200
    assert token["expires_at"] is None
    with time_machine.travel(NOON + timedelta(days=3650), tick=False):
        assert client.get("/media").status_code == 200
        [row] = [row for row in client.get("/tokens").json() if row["id"] == token["id"]]
        assert row["last_used_at"] == "2036-05-29T12:00:00.000000Z"


def test_the_access_behind_a_token_is_the_row_as_it_is_kept(cast: Cast) -> None:
    for access in (cast.ana, cast.carl, cast.ada, cast.tower):
        opened = ApiToken.objects.opened_by(token_of(access, rights=TokenRights.UPLOAD))
        assert opened is not None
        kept = ApiToken.objects.select_related("access").get(pk=opened.pk)
        for field in ApiToken._meta.concrete_fields:
            assert getattr(opened, field.attname) == getattr(kept, field.attname), field
        for column in Access._meta.concrete_fields:
            assert getattr(opened.access, column.attname) == getattr(kept.access, column.attname), column


def test_the_last_use_is_noted_once_an_hour(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        client = bearer(str(make(cast)["token"]))
        uses = []
        for minutes in (0, 59, 1):
            clock.shift(timedelta(minutes=minutes))
            client.get("/media")
            uses.append(ApiToken.objects.get(name="mast").last_used_at)
    assert uses == [NOON, NOON, NOON + timedelta(hours=1)]


@pytest.mark.parametrize(("days", "status"), [(90, 201), (91, 422), (None, 422), (0, 422), (-1, 422)])
def test_a_persons_token_lives_ninety_days_at_most(cast: Cast, days: int | None, status: int) -> None:
    with time_machine.travel(NOON, tick=False):
        end = None if days is None else (NOON + timedelta(days=days)).isoformat()
        answer = api(cast.ana).post("/tokens", {"name": "script", "expires_at": end}, format="json")
        assert answer.status_code == status
        if status == 422:
            assert answer.json()["detail"][0]["loc"] == ["body", "expires_at"]


def test_a_token_ends_at_its_time(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        client = bearer(str(make(cast, expires_at=(NOON + timedelta(hours=1)).isoformat())["token"]))
    with time_machine.travel(NOON + timedelta(hours=1, microseconds=-1), tick=False):
        assert client.get("/media").status_code == 200
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        assert client.get("/media").status_code == 401


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "x", "rights": "everything"}, "rights"),
        ({"name": "x", "expires_at": "tomorrow"}, "expires_at"),
        ({"name": "x", "expires_at": "2026-02-30T00:00:00Z"}, "expires_at"),
        ({"name": "x", "expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ({"name": "x", "access": 0}, "access"),
    ],
)
def test_a_token_that_cannot_be_is_refused_with_its_place(cast: Cast, body: dict[str, object], place: str) -> None:
    answer = api(cast.tower).post("/tokens", body, format="json")
    assert answer.status_code == 422
    detail = answer.json()["detail"][0]
    assert detail["loc"] in (["body", place], ["body"])


def test_names_differ_among_the_living_of_one_access(cast: Cast) -> None:
    first = make(cast)
    again = api(cast.tower).post("/tokens", {"name": "mast"}, format="json")
    assert again.status_code == 409
    api(cast.tower).delete(f"/tokens/{first['id']}")
    make(cast)
    assert api(cast.other_tower).post("/tokens", {"name": "mast"}, format="json").status_code == 201


def test_a_revoked_token_ends_at_once_and_answers_its_row(cast: Cast) -> None:
    """B10, B11."""
    token = make(cast)
    client = bearer(str(token["token"]))
    answer = api(cast.tower).delete(f"/tokens/{token['id']}")

    assert answer.status_code == 200
    assert answer.json()["name"] == "mast"
    assert "token" not in answer.json()
    assert client.get("/media").json() == {"detail": "Token has expired."}
    assert token["id"] not in [row["id"] for row in api(cast.tower).get("/tokens").json()]
    assert api(cast.tower).delete(f"/tokens/{token['id']}").status_code == 403


@pytest.mark.parametrize("how", ["action", "queryset", "instance"])
def test_a_token_that_is_gone_by_any_door_opens_nothing(cast: Cast, how: str) -> None:
    """B11: a deletion that says it deleted has deleted."""
    row = ApiToken.objects.get(pk=make(cast)["id"])
    plaintext = token_of(cast.tower, name="second")
    row = ApiToken.objects.get(name="second")
    if how == "action":
        tokens.revoke(row, by=command())
    elif how == "queryset":
        ApiToken.objects.filter(pk=row.pk).delete()
    else:
        row.delete()
    assert bearer(plaintext).get("/media").status_code == 401


def test_everybody_sees_their_own_tokens_and_an_admin_those_of_whom_he_names(cast: Cast) -> None:
    make(cast)
    ada = api(cast.ada)
    assert {row["access"] for row in ada.get("/tokens").json()} == {cast.ada.pk}
    assert {row["access"] for row in ada.get("/tokens", {"access": cast.tower.pk}).json()} == {cast.tower.pk}
    assert api(cast.carl).get("/tokens", {"access": cast.tower.pk}).json() == []


def test_an_admin_makes_and_ends_the_tokens_of_others(cast: Cast) -> None:
    body = {"name": "from ada", "access": cast.tower.pk}
    token = api(cast.ada).post("/tokens", body, format="json").json()
    assert token["access"] == cast.tower.pk
    assert bearer(token["token"]).get("/accesses/me").json()["login"] == "tower-1"
    assert api(cast.ada).delete(f"/tokens/{token['id']}").status_code == 200


def test_nobody_else_makes_or_ends_them_or_learns_whether_they_exist(cast: Cast) -> None:
    theirs = make(cast)["id"]
    for asker in (cast.ana, cast.carl):
        client = api(asker)
        body = {"name": "mine now", "access": cast.tower.pk, "expires_at": month()}
        assert client.post("/tokens", body, format="json").status_code == 403
        unknown, invisible = client.delete("/tokens/987654"), client.delete(f"/tokens/{theirs}")
        assert unknown.status_code == invisible.status_code == 403
        assert unknown.content == invisible.content
    assert api(cast.ada).delete("/tokens/987654").status_code == 404
    unknown_access = {"name": "x", "access": 987654}
    assert api(cast.ada).post("/tokens", unknown_access, format="json").status_code == 404


@pytest.mark.parametrize("rights", [TokenRights.UPLOAD, TokenRights.READ])
def test_a_narrow_token_makes_no_wider_one(cast: Cast, rights: str) -> None:
    """B17."""
    client = api(cast.ada, rights=rights)
    assert client.post("/tokens", {"name": "wider", "expires_at": month()}, format="json").status_code == 403
    assert client.put("/accesses/me", {"password": "x" * 10}, format="json").status_code == 403


def test_a_token_never_carries_more_than_the_scope(cast: Cast) -> None:
    client = api(cast.ana, rights=TokenRights.UPLOAD)
    assert client.post("/media", {}, format="json").status_code == 403


def test_making_and_ending_a_token_is_audited_without_the_secret(cast: Cast) -> None:
    token = make(cast)
    api(cast.tower).delete(f"/tokens/{token['id']}")
    entries = AuditEntry.objects.order_by("id")
    assert [entry.action for entry in entries] == ["token.create", "token.revoke"]
    assert str(token["token"]) not in str(list(entries.values()))


def test_an_idempotency_key_is_never_heeded_here(cast: Cast) -> None:
    client = api(cast.tower)
    statuses = [
        client.post("/tokens", {"name": "mast"}, format="json", HTTP_IDEMPOTENCY_KEY="same").status_code
        for _ in range(2)
    ]
    assert statuses == [201, 409]
