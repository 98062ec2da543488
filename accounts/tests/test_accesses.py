"""/accesses: people and devices, for admins; /accesses/me for everybody."""

from __future__ import annotations

import pytest

from accounts.actions import accesses
from accounts.actor import command
from accounts.models import Access, AuditEntry
from accounts.refusals import Conflict
from accounts.scopes import Scope, Sees
from accounts.tests.cast import PASSWORD, Cast, api, make_access, with_password
from accounts.tests.doors import log_in, logged_in

NEW = {"login": "newcomer", "password": PASSWORD}


def register(cast: Cast, **fields: object) -> object:
    return api(cast.ada).post("/accesses", NEW | fields, format="json")


@pytest.mark.parametrize("scope", Scope.values)
def test_an_admin_registers_each_scope(cast: Cast, scope: str) -> None:
    answer = api(cast.ada).post("/accesses", NEW | {"scope": scope}, format="json")

    assert answer.status_code == 201
    assert answer.json() == {"id": answer.json()["id"], "login": "newcomer", "scope": scope}
    access = Access.objects.get(login="newcomer")
    assert access.sees == (Sees.ALL if scope in {"curator", "admin"} else Sees.OWN)
    assert log_in("newcomer").status_code == 200


def test_the_scope_is_user_when_none_is_given(cast: Cast) -> None:
    assert api(cast.ada).post("/accesses", NEW, format="json").json()["scope"] == "user"


@pytest.mark.parametrize("login", ["abc", "a" * 50, "tower-7_north@valley.example+1"])
def test_logins_within_their_limits_are_taken(cast: Cast, login: str) -> None:
    assert api(cast.ada).post("/accesses", NEW | {"login": login}, format="json").status_code == 201


@pytest.mark.parametrize(
    "login", ["ab", "a" * 51, "a b c", "аdmin", "x\0yz", "admin ", "ａdmin", "", None, 123, ["abc"]]
)
def test_logins_beyond_their_limits_are_refused(cast: Cast, login: object) -> None:
    answer = api(cast.ada).post("/accesses", NEW | {"login": login}, format="json")
    if login == 123:  # a number is read as text, as the original read it
        assert answer.status_code == 201
        return
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"


@pytest.mark.parametrize("login", ["ana", "Ana", "ANA"])
def test_a_login_is_taken_once_however_it_is_written(cast: Cast, login: str) -> None:
    """B16."""
    answer = api(cast.ada).post("/accesses", NEW | {"login": login}, format="json")

    assert answer.status_code == 409
    assert answer.json() == {"detail": f"An entry with login='{login}' already exists."}


def test_fields_that_are_not_asked_for_are_ignored(cast: Cast) -> None:
    """B27."""
    grab = {"id": 1, "is_staff": True, "is_superuser": True, "sees": "all", "is_active": False, "organisation": 1}
    answer = api(cast.ada).post("/accesses", NEW | grab, format="json")

    access = Access.objects.get(pk=answer.json()["id"])
    assert (access.scope, access.sees, access.is_active, access.organisation) == ("user", "own", True, None)
    assert not access.is_staff
    assert not access.is_superuser


def test_the_list_is_in_order_and_walked_like_every_list(cast: Cast) -> None:
    client = api(cast.ada)
    everyone = [row["login"] for row in client.get("/accesses").json()]
    assert everyone == ["ana", "carl", "ada", "tower-1", "olga", "tower-2"]
    first = client.get("/accesses", {"after": 0, "limit": 4})
    assert [row["login"] for row in first.json()] == everyone[:4]
    assert 'rel="next"' in first["Link"]


def test_an_unknown_access_is_not_found(cast: Cast) -> None:
    for method in ("get", "delete"):
        answer = getattr(api(cast.ada), method)("/accesses/999999")
        assert answer.json() == {"detail": "Table accesses has no entry with id=999999"}
        assert answer.status_code == 404
    assert api(cast.ada).put("/accesses/999999", {"password": PASSWORD}, format="json").status_code == 404


def test_an_admin_needs_a_right_password_before_it_matters_who(cast: Cast) -> None:
    assert api(cast.ada).put("/accesses/999999", {"password": "short"}, format="json").status_code == 422


def test_a_deleted_access_is_answered_once_more_and_then_gone(cast: Cast) -> None:
    client, path = api(cast.ada), f"/accesses/{cast.ana.pk}"
    row = client.get(path).json()

    assert client.delete(path).json() == row
    assert client.get(path).status_code == 404
    assert client.delete(path).status_code == 404
    assert "ana" not in [row["login"] for row in client.get("/accesses").json()]


def test_a_deleted_access_opens_nothing_from_that_moment_on(cast: Cast) -> None:
    session, device = logged_in(with_password(cast.ana)), api(cast.ana)
    api(cast.ada).delete(f"/accesses/{cast.ana.pk}")

    for client in (session, device):
        assert client.get("/media").json() == {"detail": "Token has expired."}
    assert log_in().status_code == 401


def test_a_deleted_login_is_free_again_and_starts_anew(cast: Cast) -> None:
    api(cast.ada).delete(f"/accesses/{cast.ana.pk}")
    assert register(cast, login="ana").status_code == 201  # type: ignore[attr-defined]
    assert Access.objects.filter(login="ana").count() == 2


def test_the_last_admin_stays(cast: Cast) -> None:
    answer = api(cast.ada).delete(f"/accesses/{cast.ada.pk}")

    assert answer.status_code == 409
    assert answer.json() == {"detail": "This is the last active admin; make another one first."}
    with pytest.raises(Conflict):
        accesses.set_scope(cast.ada, Scope.USER, by=command())
    with pytest.raises(Conflict):
        accesses.set_active(cast.ada, False, by=command())


def test_one_of_two_admins_may_go(cast: Cast) -> None:
    other = make_access("other-admin", Scope.ADMIN)
    assert api(other).delete(f"/accesses/{cast.ada.pk}").status_code == 200
    assert api(other).delete(f"/accesses/{other.pk}").status_code == 409


def test_an_admin_that_is_switched_off_does_not_count(cast: Cast) -> None:
    make_access("asleep", Scope.ADMIN, is_active=False)
    assert api(cast.ada).delete(f"/accesses/{cast.ada.pk}").status_code == 409


def test_a_demotion_ends_login_tokens_and_narrows_device_tokens_at_once(cast: Cast) -> None:
    make_access("other-admin", Scope.ADMIN)
    session, device = logged_in(with_password(cast.ada)), api(cast.ada)
    accesses.set_scope(cast.ada, Scope.USER, by=command())

    assert session.get("/accesses").status_code == 401
    assert device.get("/accesses").status_code == 403
    assert device.get("/media").json() == []


def test_switching_off_ends_everything_and_switching_on_brings_device_tokens_back(cast: Cast) -> None:
    session, device = logged_in(with_password(cast.ana)), api(cast.ana)
    accesses.set_active(cast.ana, False, by=command())
    assert {client.get("/media").status_code for client in (session, device)} == {401}
    accesses.set_active(cast.ana, True, by=command())
    assert [client.get("/media").status_code for client in (session, device)] == [401, 200]


def test_everybody_sees_who_they_are(cast: Cast) -> None:
    assert api(cast.tower).get("/accesses/me").json() == {
        "id": cast.tower.pk,
        "login": "tower-1",
        "scope": "device",
    }


def test_each_change_is_audited_once_and_without_secrets(cast: Cast) -> None:
    client = api(cast.ada)
    created = client.post("/accesses", NEW, format="json").json()["id"]
    client.put(f"/accesses/{created}", {"password": "another long phrase"}, format="json")
    client.delete(f"/accesses/{created}")

    entries = list(AuditEntry.objects.order_by("id").values("action", "row_id", "actor_login", "door", "request_id"))
    assert [entry["action"] for entry in entries] == ["access.create", "access.password", "access.delete"]
    assert {(entry["row_id"], entry["actor_login"], entry["door"]) for entry in entries} == {(created, "ada", "api")}
    assert all(entry["request_id"] for entry in entries)
    kept = " ".join(map(str, AuditEntry.objects.values_list("before", "after")))
    assert "phrase" not in kept
    assert "argon2" not in kept


def test_a_refused_change_is_not_audited(cast: Cast) -> None:
    register(cast, login="ana")
    register(cast, password="short")
    api(cast.ana).post("/accesses", NEW, format="json")
    api(cast.ada).delete(f"/accesses/{cast.ada.pk}")
    assert AuditEntry.objects.count() == 0


def test_an_idempotency_key_is_never_heeded_here(cast: Cast) -> None:
    client = api(cast.ada)
    statuses = [client.post("/accesses", NEW, format="json", HTTP_IDEMPOTENCY_KEY="same").status_code for _ in range(2)]
    assert statuses == [201, 409]
