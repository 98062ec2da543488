"""B5: which passwords are taken, and what becomes of them."""

from __future__ import annotations

import pytest

from accounts.models import Access, ApiToken
from accounts.tests.cast import PASSWORD, Cast, api, with_password
from accounts.tests.doors import bearer, log_in, logged_in

EMOJI = "🔥🌲🔥🌲🔥🌲🔥🌲"


def register(cast: Cast, password: object) -> int:
    answer = api(cast.ada).post("/accesses", {"login": "newcomer", "password": password}, format="json")
    return int(answer.status_code)


@pytest.mark.parametrize(
    "password", ["2 short!", "x" * 64 + "y", "  spaces  ", EMOJI, "p" * 4095 + "q", "ünïcödé pass", "a" * 127 + "b"]
)
def test_a_password_is_taken_whole_and_works(cast: Cast, password: str) -> None:
    assert register(cast, password) == 201
    assert log_in("newcomer", password).status_code == 200
    assert log_in("newcomer", password[:-1]).status_code == 401


@pytest.mark.parametrize(
    "password",
    ["", "x", "7 chars", "password", "12345678", "newcomer", "NEWCOMER", "x" * 4097, "with a \0 in it", None, 12345678],
)
def test_a_password_that_is_no_password_is_refused_with_its_place(cast: Cast, password: object) -> None:
    answer = api(cast.ada).post("/accesses", {"login": "newcomer", "password": password}, format="json")
    if password == 12345678:
        assert answer.status_code == 422
        return
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"
    assert not Access.objects.filter(login="newcomer").exists()


def test_a_password_of_a_mebibyte_costs_nothing(cast: Cast) -> None:
    assert register(cast, "x" * (1024 * 1024)) == 413
    assert register(cast, "x" * (1024 * 1024 - 100)) == 422


def test_the_73rd_byte_matters(cast: Cast) -> None:
    register(cast, "b" * 72 + "1")
    assert log_in("newcomer", "b" * 72 + "1").status_code == 200
    assert log_in("newcomer", "b" * 72 + "2").status_code == 401


def test_an_adopted_bcrypt_password_opens_once_and_is_kept_better_from_then_on(cast: Cast) -> None:
    import bcrypt

    kept = bcrypt.hashpw(b"an old password", bcrypt.gensalt(4)).decode()
    Access.objects.filter(pk=cast.ana.pk).update(password=f"bcrypt${kept}")

    assert log_in("ana", "an old password").status_code == 200
    cast.ana.refresh_from_db()
    assert cast.ana.password.startswith("argon2$")
    assert log_in("ana", "an old password").status_code == 200


def test_an_admin_sets_a_password_and_is_answered_null(cast: Cast) -> None:
    answer = api(cast.ada).put(f"/accesses/{cast.ana.pk}", {"password": PASSWORD}, format="json")

    assert (answer.status_code, answer.content) == (200, b"null")
    assert log_in().status_code == 200


def test_a_new_password_ends_login_tokens_and_leaves_device_tokens(cast: Cast) -> None:
    session, device = logged_in(with_password(cast.ana)), api(cast.ana)

    api(cast.ada).put(f"/accesses/{cast.ana.pk}", {"password": "another long phrase"}, format="json")

    assert session.get("/media").json() == {"detail": "Token has expired."}
    assert device.get("/media").status_code == 200
    assert log_in().status_code == 401
    assert log_in("ana", "another long phrase").status_code == 200


def test_ones_own_password_is_changed_with_the_current_one(cast: Cast) -> None:
    session = logged_in(with_password(cast.ana))
    change = {"password": "another long phrase", "current_password": PASSWORD}

    answer = session.put("/accesses/me", change, format="json")

    assert (answer.status_code, answer.content) == (200, b"null")
    assert session.get("/media").status_code == 401
    assert log_in("ana", "another long phrase").status_code == 200


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"password": "another long phrase"}, "current_password"),
        ({"password": "another long phrase", "current_password": "wrong"}, "current_password"),
        ({"password": "short", "current_password": PASSWORD}, "password"),
        ({"current_password": PASSWORD}, "password"),
    ],
)
def test_ones_own_password_stays_when_the_change_is_wrong(cast: Cast, change: dict[str, str], place: str) -> None:
    with_password(cast.ana)
    answer = api(cast.ana).put("/accesses/me", change, format="json")

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", place]
    assert log_in().status_code == 200


def test_passwords_are_in_no_answer(cast: Cast) -> None:
    register(cast, PASSWORD)
    kept = Access.objects.get(login="newcomer").password
    for path in ("/accesses", f"/accesses/{cast.ana.pk}", "/accesses/me"):
        body = api(cast.ada).get(path).content.decode()
        assert PASSWORD not in body
        assert kept not in body
        assert "password" not in body


def test_guessing_the_current_password_with_a_stolen_token_is_counted(cast: Cast) -> None:
    with_password(cast.ana)
    thief = api(cast.ana)
    change = {"password": "another long phrase", "current_password": "a guess, and wrong"}
    statuses = [thief.put("/accesses/me", change, format="json").status_code for _ in range(6)]
    assert statuses[0] == 422
    assert statuses[-1] == 429
    assert ApiToken.objects.living().filter(access=cast.ana).count() == 1


def test_a_token_that_was_found_does_not_survive_its_revocation(cast: Cast) -> None:
    with_password(cast.ana)
    token = log_in().json()["access_token"]
    row = cast.ana.tokens.get()
    bearer(token).delete(f"/tokens/{row.pk}")
    assert bearer(token).get("/media").status_code == 401
