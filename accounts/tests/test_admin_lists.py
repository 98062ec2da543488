"""Lists of the workbench: newest first, leafed through by key, whatever the size of the table."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.ids import LARGEST_ID
from accounts.models import ApiToken, AuditEntry
from accounts.tests.cast import Cast, token_of
from accounts.tests.test_admin import enter, page, text

PER_PAGE = 5
LINK = re.compile(r'<a href="([^"]*)"[^>]*>(Newest|Newer|Older)</a>')
ROW = re.compile(r'/admin/accounts/auditentry/(\d+)/change/[^"]*">\d{4}-')


@pytest.fixture
def entries(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Twelve lines of history, the newest first, on pages of five; the oldest seven came from the API."""
    for model in (AuditEntry, ApiToken):
        monkeypatch.setattr(admin.site._registry[model], "list_per_page", PER_PAGE)
    for number in range(12):
        door = "api" if number < 7 else "job"
        AuditEntry.objects.create(door=door, action="token.create", table="apitoken", row_id=number + 1)
    return list(AuditEntry.objects.order_by("-id").values_list("pk", flat=True))


def ask(client: Client, query: str = "") -> str:
    answer = client.get(page("accounts_auditentry_changelist") + query)
    assert answer.status_code == 200
    return text(answer)


def links(shown: str) -> dict[str, str]:
    """The addresses of the other pages by their names, "Newest" and so on."""
    return {name: unescape(address) for address, name in LINK.findall(shown)}


def rows(shown: str) -> list[int]:
    return [int(number) for number in ROW.findall(shown)]


def walk(client: Client, name: str, query: str = "") -> list[list[int]]:
    """The rows of each page from `query` on, as often as there is a link of that name."""
    shown = ask(client, query)
    pages = [rows(shown)]
    while name in links(shown):
        shown = ask(client, links(shown)[name])
        pages.append(rows(shown))
    return pages


def test_older_leads_to_every_row_once_and_newer_back(cast: Cast, entries: list[int]) -> None:
    client = enter(cast.ada)
    assert walk(client, "Older") == [entries[:5], entries[5:10], entries[10:]]
    assert walk(client, "Newer", f"?p=before-{entries[9]}") == [entries[10:], entries[5:10], entries[:5]]


def test_a_page_names_the_pages_beside_it(cast: Cast, entries: list[int]) -> None:
    client = enter(cast.ada)
    first, last = ask(client), ask(client, f"?p=before-{entries[9]}")
    middle = ask(client, links(first)["Older"])
    assert list(links(first)) == ["Older"]
    assert list(links(middle)) == ["Newest", "Newer", "Older"]
    assert list(links(last)) == ["Newest", "Newer"]
    assert rows(ask(client, links(last)["Newest"])) == entries[:5]
    assert '<nav class="paginator" aria-label="Pages">' in first
    assert "5 shown, and there are more" in first
    assert "2 shown, and there are more" in last


def test_a_list_of_one_page_names_no_other(cast: Cast, entries: list[int]) -> None:
    shown = ask(enter(cast.ada), "?door=job")
    assert rows(shown) == entries[:5]
    assert links(shown) == {}
    assert "5 shown" in shown
    assert "there are more" not in shown


def test_filters_and_search_stay_while_leafing(cast: Cast, entries: list[int]) -> None:
    client = enter(cast.ada)
    AuditEntry.objects.create(door="api", action="token.revoke", table="apitoken", row_id=1, actor_login="ada")
    query = "?door=api&action=token.create&q="
    assert walk(client, "Older", query) == [entries[5:10], entries[10:]]
    older = links(ask(client, query))["Older"]
    assert walk(client, "Newer", older) == [entries[10:], entries[5:10]]
    for address in links(ask(client, older)).values():
        assert "door=api" in address
        assert "action=token.create" in address


def test_another_filter_begins_at_the_first_page_again(cast: Cast, entries: list[int]) -> None:
    shown = ask(enter(cast.ada), f"?door=api&p=before-{entries[9]}")
    choices = re.findall(r'href="(\?[^"]*)"', shown.split('id="changelist-filter"')[1])
    assert choices
    assert not [address for address in choices if "p=" in address]
    assert 'name="p"' not in shown


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "2", "-1", "99999", "before-", "before-0", "before-x", "before--1", "before-1.5", "before-٣", "after-",
        "before-007", f"before-{LARGEST_ID + 1}", "after-" + "9" * 5000, "before-1&p=nonsense", "%00", "before-1%00",
        "before-1", f"after-{LARGEST_ID}",
    ],
)  # fmt: skip
def test_a_cursor_that_leads_nowhere_is_answered_by_the_first_page(cast: Cast, entries: list[int], cursor: str) -> None:
    assert rows(ask(enter(cast.ada), f"?p={cursor}")) == entries[:5]


@pytest.mark.parametrize("side", ["before", "after"])
def test_the_largest_id_is_a_cursor_still(cast: Cast, entries: list[int], side: str) -> None:
    assert rows(ask(enter(cast.ada), f"?p={side}-{LARGEST_ID}")) == entries[:5]


def test_newer_shows_a_whole_page_although_rows_have_gone(cast: Cast, entries: list[int]) -> None:
    """Three rows are newer than the fourth: the page of those is filled up with older ones."""
    assert rows(ask(enter(cast.ada), f"?p=after-{entries[3]}")) == entries[:5]
    assert rows(ask(enter(cast.ada), f"?p=after-{entries[5]}")) == entries[:5]
    assert rows(ask(enter(cast.ada), f"?p=after-{entries[6]}")) == entries[1:6]


def test_no_page_counts_a_table_or_skips_rows(cast: Cast, entries: list[int]) -> None:
    client = enter(cast.ada)
    for query in ("", f"?p=before-{entries[4]}", f"?p=after-{entries[9]}"):
        ask(client, query)
        with CaptureQueriesContext(connection) as captured:
            ask(client, query)
        asked = [found["sql"] for found in captured.captured_queries if "accounts_auditentry" in found["sql"]]
        assert [
            sql for sql in asked if not re.search(rf'ORDER BY "[a-z_]+"\."id" (DESC|ASC) LIMIT {PER_PAGE + 1}$', sql)
        ] == []
        assert len(asked) == 1


# --- Actions on chosen rows ------------------------------------------------------------------------


def living(cast: Cast, count: int) -> list[int]:
    for _ in range(count):
        token_of(cast.tower)
    return list(ApiToken.objects.order_by("-id").values_list("pk", flat=True))


def test_rows_of_an_older_page_are_acted_on_and_that_page_is_shown_again(cast: Cast, entries: list[int]) -> None:
    tokens = living(cast, 7)
    address = f"{page('accounts_apitoken_changelist')}?kind=device&p=before-{tokens[4]}"
    form = {"action": "revoke_chosen", "select_across": "0", "index": "0", "_selected_action": [tokens[5]]}
    answer = enter(cast.ada).post(address, form)
    assert answer["Location"] == address
    assert list(ApiToken.objects.exclude(revoked_at=None).values_list("pk", flat=True)) == [tokens[5]]


@pytest.mark.parametrize("index", [{"index": "0"}, {}])
def test_no_action_runs_over_a_whole_table(cast: Cast, entries: list[int], index: dict[str, str]) -> None:
    tokens = living(cast, 7)
    client, address = enter(cast.ada), page("accounts_apitoken_changelist")
    assert "across all pages" not in text(client.get(address))
    form: dict[str, Any] = {"action": "revoke_chosen", "select_across": "1", "_selected_action": [tokens[0]]} | index
    answer = client.post(address, form, follow=True)
    assert "Only the rows ticked on a page can be chosen. Nothing was changed." in text(answer)
    assert not ApiToken.objects.exclude(revoked_at=None).exists()


# --- Searches --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "term", "found"),
    [
        ("access", "TOWER", True), ("access", " tower-1 ", True), ("access", "wer-1", False), ("access", "%", False),
        ("organisation", "forest W", True), ("organisation", "Watch", False),
        ("apitoken", "tower-1", True), ("apitoken", "Ridg", True), ("apitoken", "idge", False),
        ("apitoken", "ana", False),
    ],
)  # fmt: skip
def test_rows_are_found_by_how_their_names_begin(cast: Cast, table: str, term: str, found: bool) -> None:
    token_of(cast.tower, name="Ridge")
    shown = text(enter(cast.ada).get(page(f"accounts_{table}_changelist"), {"q": term}))
    assert (f"/admin/accounts/{table}/" in shown.split('id="changelist-form"')[1].split("</form>")[0]) is found
