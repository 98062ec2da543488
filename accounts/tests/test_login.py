"""POST /login/access-token: the password flow, and everything that is no token."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import signing
from django.test import Client
from rest_framework.test import APIClient

from accounts.hashers import Argon2
from accounts.models import Access, ApiToken, AuditEntry
from accounts.scopes import Scope
from accounts.tests.cast import PASSWORD, Cast, api, make_access, token_of, with_password
from accounts.tests.doors import FORM, bearer, log_in, post_form

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def ana(cast: Cast) -> Access:
    return with_password(cast.ana)


@pytest.mark.parametrize("path", ["/login/access-token", "/login/access-token/", "/api/v1/login/access-token"])
def test_a_login_gives_a_bearer_token(ana: Access, path: str) -> None:
    answer = post_form({"username": "ana", "password": PASSWORD}, path)

    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "token_type"}
    assert answer.json()["token_type"] == "bearer"
    assert bearer(answer.json()["access_token"]).get("/accesses/me").json()["login"] == "ana"


def test_a_token_is_kept_by_no_cache(ana: Access) -> None:
    assert "no-store" in log_in()["Cache-Control"]


def test_two_logins_give_two_tokens_and_both_are_valid(ana: Access) -> None:
    first, second = (log_in().json()["access_token"] for _ in range(2))

    assert first != second
    assert {bearer(token).get("/accesses/me").status_code for token in (first, second)} == {200}


def test_a_login_token_lives_sixty_minutes(ana: Access) -> None:
    with time_machine.travel(NOON, tick=False):
        client = bearer(log_in().json()["access_token"])
    with time_machine.travel(NOON + timedelta(minutes=60, microseconds=-1), tick=False):
        assert client.get("/media").status_code == 200
    with time_machine.travel(NOON + timedelta(minutes=60), tick=False):
        answer = client.get("/media")
        assert (answer.status_code, answer.json()) == (401, {"detail": "Token has expired."})
        assert answer["WWW-Authenticate"] == "Bearer"


def test_the_old_client_escapes_nothing_in_its_form(ana: Access) -> None:
    answer = APIClient().post("/login/access-token", f"username=ana&password={PASSWORD}", content_type=FORM)
    assert answer.status_code == 200


@pytest.mark.parametrize(("grant", "status"), [("", 200), ("password", 200), ("client_credentials", 422)])
def test_the_grant_type_is_password_or_absent(ana: Access, grant: str, status: int) -> None:
    fields = {"username": "ana", "password": PASSWORD, "grant_type": grant}
    assert post_form(fields).status_code == status


def test_other_fields_of_the_password_flow_are_ignored(ana: Access) -> None:
    fields = {"username": "ana", "password": PASSWORD, "scope": "", "client_id": "x", "client_secret": "y"}
    assert post_form(fields).status_code == 200


@pytest.mark.parametrize("missing", ["username", "password"])
def test_a_missing_field_is_named(db: None, missing: str) -> None:
    fields = {"username": "ana", "password": PASSWORD}
    del fields[missing]

    answer = post_form(fields)

    assert answer.status_code == 422
    assert answer.json()["detail"] == [
        {"loc": ["body", missing], "msg": "field required", "type": "value_error.missing"}
    ]


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
def test_a_login_is_a_form(db: None, content_type: str) -> None:
    client: Any = APIClient()
    answer = client.generic("POST", "/login/access-token", b"{}", content_type=content_type)
    assert answer.status_code == 415


def test_a_form_of_another_encoding_is_refused_not_guessed(db: None) -> None:
    client: Any = APIClient()
    answer = client.generic("POST", "/login/access-token", b"username=\xff&password=x", content_type=FORM)
    assert answer.status_code == 422


def test_a_form_beyond_its_limits_is_refused(db: None, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    exact = "username=" + "a" * (1000 - len("username="))
    send = APIClient().generic

    assert (
        send("POST", "/login/access-token", exact, content_type=FORM).status_code == 422
    )  # no such login, no password
    assert send("POST", "/login/access-token", exact + "a", content_type=FORM).status_code == 413
    assert send("POST", "/login/access-token", "a=&" * 99 + "a=", content_type=FORM).status_code == 422
    assert send("POST", "/login/access-token", "a=&" * 100 + "a=", content_type=FORM).status_code == 413


@pytest.mark.parametrize("password", ["wrong password", "", " ", "x\0y", "x" * 4097])
def test_a_wrong_password_opens_nothing(ana: Access, password: str) -> None:
    answer = log_in("ana", password)

    assert answer.status_code in {401, 422}
    assert ApiToken.objects.count() == 0
    if answer.status_code == 401:
        assert answer.json() == {"detail": "Invalid credentials."}
        assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("login", ["ana", "ANA", " ana ", "ａｎａ"])
def test_a_login_is_found_however_it_is_written(ana: Access, login: str) -> None:
    assert log_in(login).status_code == 200


def test_known_unknown_disabled_and_passwordless_logins_cost_the_same_and_answer_alike(
    ana: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B8, by the work done: one hash computation each, whatever the name."""
    with_password(make_access("off", Scope.USER, is_active=False))
    make_access("tokens-only", Scope.DEVICE).set_unusable_password()
    computed: list[str] = []
    plain = Argon2.encode

    def counted(self: Argon2, password: str, salt: str) -> str:
        computed.append(password)
        return plain(self, password, salt)

    monkeypatch.setattr(Argon2, "encode", counted)
    verify = Argon2.verify

    def verified(self: Argon2, password: str, encoded: str) -> bool:
        computed.append(password)
        return verify(self, password, encoded)

    monkeypatch.setattr(Argon2, "verify", verified)

    answers = {}
    for login in ("ana", "nobody", "off", "tokens-only"):
        computed.clear()
        answer = log_in(login, "not the password")
        headers = {name: value for name, value in answer.items() if name != "X-Request-ID"}
        answers[login] = (answer.status_code, answer.content, headers, len(computed))

    assert answers["ana"][3] == 1
    assert len({str(answer) for answer in answers.values()}) == 1, answers


@pytest.mark.parametrize(
    "header",
    [
        "Remote-User",
        "X-Remote-User",
        "X-Forwarded-User",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-HTTP-Method-Override",
        "X-Api-Key",
    ],
)
def test_headers_of_proxies_neither_log_in_nor_lead_elsewhere(cast: Cast, header: str) -> None:
    """B13."""
    named: dict[str, Any] = {"HTTP_" + header.upper().replace("-", "_"): "ada"}
    assert api().get("/accesses/me", **named).status_code == 401

    elsewhere: dict[str, Any] = dict.fromkeys(named, "/accesses/me")
    assert api(cast.ana).get("/media", **elsewhere).json() == []
    override: dict[str, Any] = dict.fromkeys(named, "DELETE")
    assert api(cast.ana).get("/accesses/me", **override).json()["login"] == "ana"


def test_a_remote_user_of_the_server_is_ignored(cast: Cast) -> None:
    assert api().get("/accesses/me", REMOTE_USER="ada").status_code == 401


def test_a_browser_session_does_not_open_the_api(cast: Cast) -> None:
    browser = Client()
    browser.force_login(cast.ada, backend="accounts.backends.AccessBackend")
    assert browser.get("/accesses").status_code == 401


@pytest.mark.parametrize(
    "header",
    ["", "Basic YW5hOnB3", "Token {token}", "{token}", "Digest x", "bearer", "Bearer"],
)
def test_no_or_another_scheme_is_not_authenticated(cast: Cast, header: str) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=header.format(token=token_of(cast.ana)))
    answer = client.get("/media")

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json()["detail"] in {"Not authenticated", "Token has expired."}
    if "earer" not in header:
        assert answer.json() == {"detail": "Not authenticated"}


def _forged() -> list[str]:
    keys = ["0" * 36, "secret", "change-me", "", "django-insecure-key"]
    return [signing.dumps({"sub": "1", "scopes": ["admin"]}, key=key or "x") for key in keys]


@pytest.mark.parametrize(
    "token",
    [
        *_forged(),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIiwic2NvcGVzIjpbImFkbWluIl19.",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.AAAA",
        "pyro_" + "A" * 43,
        "é" * 40,
        "a b",
        "x" * 5000,
    ],
)
def test_forged_tokens_open_nothing(cast: Cast, token: str) -> None:
    """B1, B4: neither signatures of any key, nor things that are secrets elsewhere."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}".encode().decode("latin-1"))
    answer = client.get("/media")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Token has expired."})


def test_what_is_kept_of_a_token_does_not_open_the_api(cast: Cast) -> None:
    """B4: the digest, the prefix and the session hash are no tokens."""
    token_of(cast.ada)
    row = cast.ada.tokens.get()
    for kept in (row.digest, row.prefix, cast.ada.get_session_auth_hash(), cast.ada.password):
        assert bearer(kept).get("/media").status_code == 401


def test_the_scheme_may_be_written_in_any_case(cast: Cast) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"bEARER {token_of(cast.ana)}")
    assert client.get("/media").status_code == 200


def test_a_login_is_a_session_and_no_change_so_it_has_no_audit_entry(ana: Access) -> None:
    log_in()
    log_in("ana", "not the password")
    assert AuditEntry.objects.count() == 0


def test_an_access_keeps_twenty_login_tokens_and_the_oldest_end(ana: Access, settings: Any) -> None:
    settings.LOGIN_TOKENS_MAX = 3
    tokens = [log_in().json()["access_token"] for _ in range(4)]
    assert [bearer(token).get("/media").status_code for token in tokens] == [401, 200, 200, 200]


def test_an_idempotency_key_is_never_heeded_at_login(ana: Access) -> None:
    first, second = (log_in(HTTP_IDEMPOTENCY_KEY="same").json()["access_token"] for _ in range(2))
    assert first != second
