"""The workbench's pages about accesses, tokens, organisations and the audit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Access, ApiToken, AuditEntry, Organisation
from accounts.tests.cast import PASSWORD, Cast, api, make_access, token_of, with_password
from accounts.tests.doors import bearer

NEW = "another long phrase"


def enter(access: Access) -> Client:
    """A browser in which `access` has logged in."""
    client = Client()
    client.force_login(access, backend="accounts.backends.AccessBackend")
    return client


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:{name}", args=args)


def text(answer: Any) -> str:
    return str(answer.content.decode())


def access_form(access: Access, **changes: Any) -> dict[str, Any]:
    """What the browser sends when the page of an access is saved."""
    form = {
        "scope": access.scope,
        "sees": access.sees,
        "organisation": access.organisation_id or "",
        "listed": list(access.listed.values_list("pk", flat=True)),
    }
    return form | ({"is_active": "on"} if access.is_active else {}) | changes


def last_entry() -> AuditEntry:
    entry: AuditEntry = AuditEntry.objects.order_by("-id")[0]
    return entry


# --- Who comes in ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ana", "tower"])
def test_users_and_devices_do_not_enter(cast: Cast, name: str) -> None:
    answer = enter(getattr(cast, name)).get("/admin/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


def test_a_user_with_the_right_password_gets_the_sentence_of_a_wrong_one(cast: Cast) -> None:
    with_password(cast.ana)
    right = Client().post("/admin/login/", {"username": "ana", "password": PASSWORD})
    wrong = Client().post("/admin/login/", {"username": "nobody", "password": PASSWORD})
    sentence = "No curator or admin has this login and password."
    assert sentence in text(right)
    assert sentence in text(wrong)


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https:evil.example", "javascript:alert(1)", "/%0d%0aSet-Cookie:x"]
)
def test_after_login_nobody_is_sent_elsewhere(cast: Cast, target: str) -> None:
    with_password(cast.carl)
    answer = Client().post("/admin/login/", {"username": "carl", "password": PASSWORD, "next": target})
    assert answer.status_code == 302
    assert answer["Location"] in {"/admin/", "/%0d%0aSet-Cookie:x"}


CURATORS_PAGES = ["apitoken", "auditentry"]
ADMINS_PAGES = [*CURATORS_PAGES, "access", "organisation"]


@pytest.mark.parametrize("table", ADMINS_PAGES)
@pytest.mark.parametrize("scope", ["carl", "ada"])
def test_a_curator_opens_only_what_the_scope_lists(cast: Cast, table: str, scope: str) -> None:
    expected = 200 if scope == "ada" or table in CURATORS_PAGES else 403
    answer = enter(getattr(cast, scope)).get(page(f"accounts_{table}_changelist"))
    assert answer.status_code == expected


def test_there_are_no_groups_and_no_permissions_to_hand_out(cast: Cast) -> None:
    assert enter(cast.ada).get("/admin/auth/group/").status_code == 404


# --- Accesses --------------------------------------------------------------------------------------


def test_an_admin_registers_a_person_with_a_password(cast: Cast) -> None:
    form = {"login": "bob", "password": NEW, "again": NEW, "scope": "curator", "sees": "", "organisation": ""}
    answer = enter(cast.ada).post(page("accounts_access_add"), form)
    bob = Access.objects.get(login="bob")
    assert answer["Location"] == page("accounts_access_change", bob.pk)
    assert (bob.scope, bob.sees, bob.check_password(NEW)) == ("curator", "all", True)
    entry = AuditEntry.objects.get(action="access.create", row_id=bob.pk)
    assert (entry.actor, entry.door, entry.request_id != "") == (cast.ada, "admin", True)


def test_a_device_needs_no_password_and_what_it_sees_may_be_chosen(cast: Cast) -> None:
    forest = Organisation.objects.get(name="Forest Watch")
    form = {"login": "tower-9", "scope": "device", "sees": "listed", "organisation": forest.pk, "listed": [forest.pk]}
    enter(cast.ada).post(page("accounts_access_add"), form)
    tower = Access.objects.get(login="tower-9")
    assert not tower.has_usable_password()
    assert (tower.organisation, tower.sees, list(tower.listed.all())) == (forest, "listed", [forest])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"login": "a"}, "login must be 3 to 50 letters"),
        ({"login": "ADA"}, "An entry with login=&#x27;ADA&#x27; already exists."),
        ({"password": "short", "again": "short"}, "A password has at least 8 characters."),
        ({"again": "something else"}, "The two passwords differ."),
        ({"scope": "emperor"}, "Select a valid choice."),
    ],
)
def test_a_refused_registration_comes_back_with_its_sentence(
    cast: Cast, changes: dict[str, str], sentence: str
) -> None:
    form = {"login": "bob", "password": NEW, "again": NEW, "scope": "user", "sees": ""} | changes
    before = Access.objects.count()
    answer = enter(cast.ada).post(page("accounts_access_add"), form)
    assert answer.status_code == 200
    assert sentence in text(answer)
    assert Access.objects.count() == before


def test_a_new_scope_brings_what_it_sees(cast: Cast) -> None:
    enter(cast.ada).post(page("accounts_access_change", cast.ana.pk), access_form(cast.ana, scope="curator"))
    cast.ana.refresh_from_db()
    assert (cast.ana.scope, cast.ana.sees) == ("curator", "all")
    assert AuditEntry.objects.get(action="access.scope").before == {"scope": "user", "sees": "own"}


def test_saving_a_page_unchanged_changes_nothing(cast: Cast) -> None:
    answer = enter(cast.ada).post(page("accounts_access_change", cast.ana.pk), access_form(cast.ana))
    assert answer.status_code == 302
    assert not AuditEntry.objects.exists()


def test_the_last_admin_stays_admin_and_active(cast: Cast) -> None:
    client, address = enter(cast.ada), page("accounts_access_change", cast.ada.pk)
    for form in (access_form(cast.ada, scope="curator"), access_form(cast.ada, is_active="")):
        assert "This is the last active admin; make another one first." in text(client.post(address, form))
    gone = client.post(page("accounts_access_delete", cast.ada.pk), {"post": "yes"}, follow=True)
    assert "This is the last active admin; make another one first." in text(gone)
    cast.ada.refresh_from_db()
    assert (cast.ada.scope, cast.ada.is_active, cast.ada.deleted_at) == ("admin", True, None)


def test_a_second_admin_may_end_the_first(cast: Cast) -> None:
    eve = make_access("eve", "admin")
    enter(eve).post(page("accounts_access_delete", cast.ada.pk), {"post": "yes"})
    cast.ada.refresh_from_db()
    assert cast.ada.deleted_at is not None
    assert last_entry().action == "access.delete"
    assert "ada" not in [access.login for access in Access.objects.living()]


def test_switching_an_access_off_ends_its_session(cast: Cast) -> None:
    carl = enter(cast.carl)
    enter(cast.ada).post(page("accounts_access_change", cast.carl.pk), access_form(cast.carl, is_active=""))
    assert carl.get("/admin/").status_code == 302


def test_an_admin_sets_a_password(cast: Cast) -> None:
    client, address = enter(cast.ada), page("accounts_access_password", cast.ana.pk)
    assert "The two passwords differ." in text(client.post(address, {"password": NEW, "again": NEW + "!"}))
    assert "at least 8 characters" in text(client.post(address, {"password": "short", "again": "short"}))
    assert client.post(address, {"password": NEW, "again": NEW}).status_code == 302
    cast.ana.refresh_from_db()
    assert cast.ana.check_password(NEW)
    assert last_entry().action == "access.password"


def test_whoever_sets_their_own_password_stays_logged_in(cast: Cast) -> None:
    client = enter(cast.ada)
    client.post(page("accounts_access_password", cast.ada.pk), {"password": NEW, "again": NEW})
    assert client.get("/admin/").status_code == 200


def test_a_curator_changes_their_own_password_and_it_is_recorded(cast: Cast) -> None:
    client = enter(with_password(cast.carl))
    form = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert "old password was entered incorrectly" in text(
        client.post(page("password_change"), form | {"old_password": NEW})
    )
    assert client.post(page("password_change"), form).status_code == 302
    assert client.get("/admin/").status_code == 200
    cast.carl.refresh_from_db()
    assert cast.carl.check_password(NEW)
    assert (last_entry().action, last_entry().door, last_entry().actor) == ("access.password", "admin", cast.carl)


def test_no_page_of_an_access_shows_the_hash_of_its_password(cast: Cast) -> None:
    stored, client = with_password(cast.ana).password, enter(cast.ada)
    for address in (
        page("accounts_access_changelist"),
        page("accounts_access_change", cast.ana.pk),
        page("accounts_access_password", cast.ana.pk),
        page("accounts_access_history", cast.ana.pk),
    ):
        answer = text(client.get(address))
        assert stored not in answer
        assert "argon2" not in answer


def test_forged_fields_change_nothing(cast: Cast) -> None:
    """B28, B29: what is not on the form is not read."""
    stored = cast.ana.password
    form = access_form(cast.ana) | {
        "is_superuser": "on", "is_staff": "on", "groups": "1", "user_permissions": "1",
        "password": "x", "login": "root", "login_key": "root", "deleted_at": "2020-01-01",
    }  # fmt: skip
    enter(cast.ada).post(page("accounts_access_change", cast.ana.pk), form)
    cast.ana.refresh_from_db()
    assert (cast.ana.login, cast.ana.login_key, cast.ana.scope) == ("ana", "ana", "user")
    assert (cast.ana.password, cast.ana.deleted_at, cast.ana.is_staff) == (stored, None, False)


@pytest.mark.parametrize("verb", ["add", "change", "delete", "password", "history"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_curator_cannot_rise(cast: Cast, verb: str, method: str) -> None:
    """B28: neither their own scope nor an admin's password."""
    client = enter(cast.carl)
    for access in (cast.carl, cast.ada):
        address = page(f"accounts_access_{verb}", *([] if verb == "add" else [access.pk]))
        form = {"scope": "admin", "login": "eve", "password": NEW, "again": NEW, "post": "yes", "sees": "all"}
        assert getattr(client, method)(address, form).status_code == 403
    assert not AuditEntry.objects.exists()
    assert Access.objects.filter(scope="admin").count() == 1


def test_a_post_to_a_list_edits_no_rows(cast: Cast) -> None:
    """B29: there are no editable lists, whatever the form pretends."""
    form = {
        "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": cast.ana.pk, "form-0-scope": "admin",
        "_save": "Save",
    }  # fmt: skip
    enter(cast.ada).post(page("accounts_access_changelist"), form)
    cast.ana.refresh_from_db()
    assert cast.ana.scope == "user"


def test_nothing_can_be_deleted_past_the_actions(cast: Cast) -> None:
    form = {"action": "delete_selected", "_selected_action": [cast.ana.pk], "post": "yes"}
    enter(cast.ada).post(page("accounts_access_changelist"), form)
    cast.ana.refresh_from_db()
    assert cast.ana.deleted_at is None


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "null"}, {"Origin": "https://evil.example"}, {"X-CSRFToken": "a" * 64}],
)
def test_a_form_from_elsewhere_is_refused(cast: Cast, headers: dict[str, str]) -> None:
    """B133."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.ada, backend="accounts.backends.AccessBackend")
    answer = client.post(
        page("accounts_access_change", cast.ana.pk), access_form(cast.ana, scope="admin"), headers=headers
    )
    assert answer.status_code == 403
    assert "Nothing was changed" in text(answer)
    cast.ana.refresh_from_db()
    assert cast.ana.scope == "user"


# --- Tokens ----------------------------------------------------------------------------------------


def issue(client: Client, **fields: Any) -> HttpResponse:
    tomorrow = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")
    form = {"login": "tower-1", "name": "ridge", "rights": "all", "expires_at": tomorrow} | fields
    answer: Any = client.post(page("accounts_apitoken_add"), form)
    return answer  # type: ignore[no-any-return]


def plaintext_in(answer: Any) -> str:
    return text(answer).split('value="pyro_')[1].split('"')[0]


def test_a_new_token_is_shown_once_and_works(cast: Cast) -> None:
    client = enter(cast.ada)
    answer = issue(client)
    secret = "pyro_" + plaintext_in(answer)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert bearer(secret).get("/accesses/me").json()["login"] == "tower-1"
    token = ApiToken.objects.get()
    later = [client.get(page("accounts_apitoken_changelist")), client.get(page("accounts_apitoken_change", token.pk))]
    assert not any(secret in text(answer) for answer in later)
    assert not any(token.digest in text(answer) for answer in later)
    assert secret not in str(dict(client.session)) + str(client.cookies)


def test_a_revoked_token_opens_nothing(cast: Cast) -> None:
    client = enter(cast.ada)
    secret = "pyro_" + plaintext_in(issue(client))
    token = ApiToken.objects.get()
    assert client.get(page("accounts_apitoken_revoke", token.pk)).status_code == 405
    client.post(page("accounts_apitoken_revoke", token.pk))
    assert bearer(secret).get("/accesses/me").status_code == 401
    assert last_entry().action == "token.revoke"


def test_several_tokens_are_revoked_from_the_list(cast: Cast) -> None:
    secrets = [token_of(cast.tower), token_of(cast.tower)]
    chosen = list(ApiToken.objects.values_list("pk", flat=True))
    form = {"action": "revoke_chosen", "_selected_action": chosen}
    answer = enter(cast.ada).post(page("accounts_apitoken_changelist"), form, follow=True)
    assert "2 revoked; from now on they open nothing." in text(answer)
    assert [bearer(secret).get("/accesses/me").status_code for secret in secrets] == [401, 401]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"login": "nobody"}, "No active access has this login."),
        ({"login": "ana", "expires_at": ""}, "A token of this scope lives 90 days at most"),
        ({"expires_at": "2001-01-01T00:00:00"}, "expires_at must be in the future."),
        ({"name": " "}, "This field is required."),
        ({"rights": "everything"}, "Select a valid choice."),
    ],
)
def test_a_refused_token_comes_back_with_its_sentence(cast: Cast, fields: dict[str, str], sentence: str) -> None:
    assert sentence in text(issue(enter(cast.ada), **fields))
    assert not ApiToken.objects.exists()


def test_the_same_name_twice_is_refused_while_the_first_lives(cast: Cast) -> None:
    client = enter(cast.ada)
    issue(client)
    assert "A living token named &#x27;ridge&#x27; already exists." in text(issue(client))
    assert ApiToken.objects.count() == 1


def test_a_curator_issues_tokens_to_themselves_alone(cast: Cast) -> None:
    issue(enter(cast.carl), login="ada")
    assert ApiToken.objects.get().access == cast.carl


def test_a_curator_sees_and_revokes_only_their_own_tokens(cast: Cast) -> None:
    token_of(cast.ada)
    token_of(cast.carl)
    admins, own = ApiToken.objects.get(access=cast.ada), ApiToken.objects.get(access=cast.carl)
    client = enter(cast.carl)
    listed = text(client.get(page("accounts_apitoken_changelist")))
    assert own.prefix in listed
    assert admins.prefix not in listed
    assert client.post(page("accounts_apitoken_revoke", admins.pk)).status_code == 404
    client.post(
        page("accounts_apitoken_changelist"), {"action": "revoke_chosen", "_selected_action": [admins.pk, own.pk]}
    )
    admins.refresh_from_db()
    own.refresh_from_db()
    assert admins.revoked_at is None
    assert own.revoked_at is not None


@pytest.mark.parametrize("verb", ["change", "delete"])
def test_tokens_are_neither_edited_nor_deleted(cast: Cast, verb: str) -> None:
    token_of(cast.tower)
    token = ApiToken.objects.get()
    form = {"name": "other", "rights": "all", "digest": "0" * 64, "post": "yes"}
    assert enter(cast.ada).post(page(f"accounts_apitoken_{verb}", token.pk), form).status_code == 403
    token.refresh_from_db()
    assert (token.name, token.revoked_at) == ("test 0", None)


@pytest.mark.parametrize(("state", "shown"), [("living", "one"), ("revoked", "two"), ("expired", "three")])
def test_tokens_are_filtered_by_state(cast: Cast, state: str, shown: str) -> None:
    now = timezone.now()
    token_of(cast.tower, name="one")
    token_of(cast.tower, name="two", revoked_at=now)
    token_of(cast.tower, name="three", expires_at=now - timedelta(seconds=1))
    answer = text(enter(cast.ada).get(page("accounts_apitoken_changelist"), {"state": state}))
    assert [name for name in ("one", "two", "three") if f">{name} <code>" in answer] == [shown]


# --- Organisations and audit -----------------------------------------------------------------------


def test_organisations_are_named_and_renamed_with_a_line_of_history(cast: Cast) -> None:
    client = enter(cast.ada)
    client.post(page("accounts_organisation_add"), {"name": "Hill Watch"})
    hill = Organisation.objects.get(name="Hill Watch")
    client.post(page("accounts_organisation_change", hill.pk), {"name": "Hills Watch"})
    hill.refresh_from_db()
    assert hill.name == "Hills Watch"
    assert last_entry().before == {"name": "Hill Watch"}
    assert "exists already" in text(client.post(page("accounts_organisation_add"), {"name": "HILLS watch"}))
    assert client.post(page("accounts_organisation_delete", hill.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("verb", ["add", "change", "delete"])
def test_the_audit_is_read_only_for_admins_too(cast: Cast, verb: str) -> None:
    client = enter(cast.ada)
    client.post(page("accounts_organisation_add"), {"name": "Hill Watch"})
    entry = last_entry()
    address = page(f"accounts_auditentry_{verb}", *([] if verb == "add" else [entry.pk]))
    assert client.post(address, {"action": "nothing", "post": "yes"}).status_code == 403
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["organisation.create"]


def test_the_audit_is_found_by_row_and_by_actor(cast: Cast) -> None:
    client = enter(cast.ada)
    client.post(page("accounts_access_change", cast.ana.pk), access_form(cast.ana, scope="curator"))
    address = page("accounts_auditentry_changelist")
    for query in ({"q": str(cast.ana.pk)}, {"q": "ada"}, {"action": "access.scope"}, {"door": "admin"}):
        assert f"access {cast.ana.pk}" in text(client.get(address, query))
    for query in ({"q": "olga"}, {"q": "9" * 30}, {"door": "api"}, {"table": "media"}):
        assert f"access {cast.ana.pk}" not in text(client.get(address, query))


def test_a_curator_who_does_not_see_everything_sees_only_their_own_changes(cast: Cast) -> None:
    enter(cast.ada).post(page("accounts_organisation_add"), {"name": "Hill Watch"})
    Access.objects.filter(pk=cast.carl.pk).update(sees="own")
    assert (
        "organisation.create"
        not in text(enter(cast.carl).get(page("accounts_auditentry_changelist")))
        .split('id="result_list"')[-1]
        .split("changelist-filter")[0]
    )


def test_history_is_the_audit_and_not_djangos_own(cast: Cast) -> None:
    client = enter(cast.ada)
    client.post(page("accounts_access_change", cast.ana.pk), access_form(cast.ana, scope="curator"))
    answer = text(client.get(page("accounts_access_history", cast.ana.pk)))
    assert "access.scope" in answer
    assert "user → curator" in answer
    assert not LogEntry.objects.exists()


# --- Lists -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ADMINS_PAGES)
def test_a_list_asks_as_often_for_many_rows_as_for_few(
    cast: Cast, table: str, django_assert_max_num_queries: Any
) -> None:
    forest = Organisation.objects.get(name="Forest Watch")
    for number in range(30):
        access = make_access(f"tower-{number + 10}", "device", forest)
        token_of(access)
        Organisation.objects.create(name=f"Watch {number}")
        AuditEntry.objects.create(door="job", action="access.create", table="access", row_id=access.pk)
    client = enter(cast.ada)
    with django_assert_max_num_queries(6):
        assert client.get(page(f"accounts_{table}_changelist")).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"o": "3.-2"}, {"p": "99999"}, {"q": "\0"}, {"q": "%' OR 1=1 --"}, {"state": "unheard"}, {"e": "1"},
        {"access__password__startswith": "argon2"}, {"all": ""}, {"_facets": "1"},
    ],
)  # fmt: skip
def test_odd_addresses_of_a_list_break_nothing(cast: Cast, query: dict[str, str]) -> None:
    token_of(cast.tower)
    answer = enter(cast.ada).get(page("accounts_apitoken_changelist"), query)
    assert answer.status_code in {200, 302, 400}


@pytest.mark.parametrize("number", ["0", "-1", "x", "9" * 40, "1_0", "%00"])
def test_odd_row_numbers_break_nothing(cast: Cast, number: str) -> None:
    answer = enter(cast.ada).get(f"/admin/accounts/access/{number}/change/")
    assert answer.status_code in {302, 404}


def test_a_wrong_address_below_admin_is_a_page_and_elsewhere_json(cast: Cast) -> None:
    client = enter(cast.ada)
    assert "There is no such page" in text(client.get("/admin/nothing/here/"))
    assert client.get("/nothing/here").json() == {"detail": "Not Found"}
    assert "Your access does not reach here" in text(enter(cast.carl).get(page("accounts_access_changelist")))


def test_what_was_issued_in_the_workbench_is_a_token_like_any_other(cast: Cast) -> None:
    issue(enter(cast.ada), rights="read", login="ana")
    assert api(cast.ada).get("/tokens").status_code == 200
    assert ApiToken.objects.filter(access=cast.ana).get().rights == "read"
