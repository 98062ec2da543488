"""Commands of the server's owner: register_user, create_token, revoke_token, set_scope."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Access, AuditEntry, Organisation
from accounts.tests.cast import PASSWORD, Cast, api, with_password
from accounts.tests.doors import bearer, log_in, logged_in


def run(*arguments: str, stdin: str = "", monkeypatch: pytest.MonkeyPatch | None = None, **options: Any) -> str:
    out = io.StringIO()
    if monkeypatch:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    call_command(*arguments, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue().strip()


def test_a_person_is_registered_with_a_password_from_standard_input(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run("register_user", "ana", "--password-stdin", stdin=f"{PASSWORD}\n", monkeypatch=monkeypatch)

    assert "Registered ana" in said
    assert PASSWORD not in said
    assert log_in("ana").status_code == 200
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.door, entry.actor_login) == ("access.create", "command", "")


def test_a_device_needs_no_password_and_may_belong_to_a_new_organisation(db: None) -> None:
    said = run("register_user", "tower", "--scope", "device", "--no-password", "--organisation", "Forest", "--json")

    assert json.loads(said) == {"id": Access.objects.get().pk, "login": "tower", "scope": "device"}
    assert Organisation.objects.get().name == "Forest"
    assert not Access.objects.get().has_usable_password()


def test_a_new_organisation_leaves_a_line_of_history_and_a_refused_access_leaves_no_organisation(db: None) -> None:
    run("register_user", "tower", "--no-password", "--organisation", "Forest")
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
        "organisation.create",
        "access.create",
    ]
    with pytest.raises(CommandError, match="already exists"):
        run("register_user", "tower", "--no-password", "--organisation", "Valley")
    with pytest.raises(CommandError, match="1 to 100 characters"):
        run("register_user", "other", "--no-password", "--organisation", "x" * 101)
    assert list(Organisation.objects.values_list("name", flat=True)) == ["Forest"]
    assert not Access.objects.filter(login="other").exists()


def test_two_spellings_of_an_organisation_are_one(db: None) -> None:
    for login, name in (("one", "Forest"), ("two", " FOREST ")):
        run("register_user", login, "--no-password", "--organisation", name)
    assert Organisation.objects.count() == 1


@pytest.mark.parametrize(
    ("login", "stdin", "sentence"),
    [
        ("ana", f"{PASSWORD}\n", "already exists"),
        ("newcomer", "short\n", "at least 8"),
        ("newcomer", "", "held no password"),
        ("a b", f"{PASSWORD}\n", "3 to 50"),
    ],
)
def test_a_refusal_is_one_sentence(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, login: str, stdin: str, sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        run("register_user", login, "--password-stdin", stdin=stdin, monkeypatch=monkeypatch)


def test_without_a_terminal_the_password_is_not_guessed(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="password-stdin"):
        run("register_user", "ana", monkeypatch=monkeypatch)


def test_a_password_is_no_argument_of_any_command(db: None) -> None:
    with pytest.raises(CommandError):
        run("register_user", "ana", "--password", PASSWORD)


def test_a_token_stands_alone_on_standard_output(cast: Cast) -> None:
    plaintext = run("create_token", "tower-1", "mast")
    assert bearer(plaintext).get("/accesses/me").json()["login"] == "tower-1"


def test_a_persons_token_ends_after_ninety_days_unless_less_is_asked_for(cast: Cast) -> None:
    run("create_token", "ana", "script")
    assert cast.ana.tokens.get(name="script").expires_at is not None
    with pytest.raises(CommandError, match="90 days"):
        run("create_token", "ana", "other", "--days", "91")


def test_a_narrow_token_is_made(cast: Cast) -> None:
    plaintext = run("create_token", "tower-1", "mast", "--rights", "upload")
    assert bearer(plaintext).get("/media").status_code == 403


def test_a_token_is_revoked_by_its_name_and_all_at_once(cast: Cast) -> None:
    one, two = run("create_token", "tower-1", "mast"), run("create_token", "tower-1", "spare")
    assert "Revoked 1" in run("revoke_token", "tower-1", "mast")
    assert [bearer(token).get("/media").status_code for token in (one, two)] == [401, 200]
    run("revoke_token", "tower-1", "--all")
    assert bearer(two).get("/media").status_code == 401


@pytest.mark.parametrize("arguments", [("nobody", "mast"), ("tower-1", "no such name"), ("tower-1",)])
def test_revoking_what_is_not_there_says_so(cast: Cast, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run("revoke_token", *arguments)


def test_a_scope_is_set_and_takes_effect_at_once(cast: Cast) -> None:
    session, device = logged_in(with_password(cast.ana)), api(cast.ana)
    assert run("set_scope", "ana", "curator") == "ana has scope curator."
    assert session.get("/media").status_code == 401
    assert device.post("/media", {}, format="json").status_code == 201


def test_the_last_admin_is_not_demoted(cast: Cast) -> None:
    with pytest.raises(CommandError, match="last active admin"):
        run("set_scope", "ada", "user")
