"""Statements that are made once: they do what Django's own do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.actions.audit import record, together
from accounts.actor import command
from accounts.models import Access, ApiToken, AuditEntry, Organisation
from accounts.prepared import MOST_PREPARED, Insert, Prepared
from accounts.tests.cast import Cast

pytestmark = pytest.mark.django_db

ACCESSES = Prepared(lambda access_id, login: Access.objects.filter(pk=access_id, login=login), access_id=int, login=str)
FEW = Prepared(
    lambda access_id: Access.objects.filter(pk__gte=access_id).order_by("id").values("id", "login")[:2], access_id=int
)
LIVING = Prepared(
    lambda now, token_id: ApiToken.objects.living(now).filter(pk=token_id), now=type(timezone.now()), token_id=int
)


def test_a_prepared_query_finds_the_row_of_its_values_each_time(cast: Cast) -> None:
    for access in (cast.ana, cast.ada):
        found = ACCESSES.first(access_id=access.pk, login=access.login)
        assert found == access
        assert (found.scope, found.created_at) == (access.scope, access.created_at)
    assert ACCESSES.first(access_id=cast.ana.pk, login="ada") is None


def test_a_prepared_query_knows_whether_there_is_a_row(cast: Cast) -> None:
    assert ACCESSES.exists(access_id=cast.ana.pk, login="ana")
    assert not ACCESSES.exists(access_id=cast.ana.pk, login="ada")


def test_a_value_cannot_become_sql(cast: Cast) -> None:
    assert not ACCESSES.exists(access_id=cast.ana.pk, login="x' OR '1'='1")


def test_prepared_values_come_in_their_order_and_number(cast: Cast) -> None:
    assert FEW.values(access_id=cast.ana.pk) == [
        {"id": cast.ana.pk, "login": "ana"},
        {"id": cast.carl.pk, "login": "carl"},
    ]


def test_a_prepared_update_changes_the_columns_of_its_rows_alone(cast: Cast) -> None:
    moment = timezone.now() - timedelta(days=1)
    assert ACCESSES.update({"last_login": moment, "is_active": False}, access_id=cast.ana.pk, login="ana") == 1
    assert ACCESSES.update({"last_login": None}, access_id=cast.ada.pk, login="ana") == 0
    ana, ada = Access.objects.get(pk=cast.ana.pk), Access.objects.get(pk=cast.ada.pk)
    assert (ana.last_login, ana.is_active) == (moment, False)
    assert ada.is_active


@pytest.mark.parametrize(("seconds", "living"), [(1, True), (-1, False)])
def test_a_time_is_compared_as_the_database_keeps_it(cast: Cast, seconds: int, living: bool) -> None:
    now = timezone.now()
    columns = {"kind": "login", "prefix": "p", "digest": "d", "expires_at": now + timedelta(seconds=seconds)}
    token = ApiToken.objects.create(access=cast.ana, **columns)
    assert LIVING.exists(now=now, token_id=token.pk) is living


@pytest.mark.parametrize("count", [1, 3, MOST_PREPARED, MOST_PREPARED + 1, 300])
def test_inserted_rows_are_those_that_save_would_make(cast: Cast, count: int) -> None:
    rows = [
        AuditEntry(actor=cast.ana, door="api", action="a", table="t", row_id=n, after={"text": "'é%s"})
        for n in range(count)
    ]
    Insert(AuditEntry)(*rows)
    for n, row in enumerate(rows):
        kept = AuditEntry.objects.get(pk=row.pk)
        assert (kept.actor_id, kept.row_id, kept.before, kept.after) == (cast.ana.pk, n, None, {"text": "'é%s"})
        assert (kept.at, kept.request_id) == (row.at, "")
        assert not row._state.adding


def test_a_connection_keeps_no_statement_for_every_length_of_an_insert(cast: Cast) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite prepares nothing by name.")
    insert, before = Insert(AuditEntry), set(connection.prepared)  # type: ignore[attr-defined]
    for count in range(1, 3 * MOST_PREPARED):
        insert(*(AuditEntry(door="api", action="a", table="t", row_id=n) for n in range(count)))
    assert len(connection.prepared - before) == MOST_PREPARED  # type: ignore[attr-defined]


@pytest.mark.parametrize("count", [1, MOST_PREPARED + 1])
def test_an_insert_may_skip_what_is_there_already(cast: Cast, count: int) -> None:
    insert = Insert(Organisation, skips_known=True)
    Organisation.objects.create(name="org 0")
    insert(*(Organisation(name=f"org {n}", name_folded=f"org {n}") for n in range(count)))
    insert(*(Organisation(name=f"org {n}", name_folded=f"org {n}") for n in range(count)))
    assert Organisation.objects.filter(name__startswith="org ").count() == count


def test_a_new_connection_prepares_anew(cast: Cast) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite prepares nothing by name.")
    ACCESSES.exists(access_id=cast.ana.pk, login="ana")
    prepared = connection.prepared  # type: ignore[attr-defined]
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements")
        assert {name for (name,) in cursor.fetchall()} == prepared
        cursor.execute("DEALLOCATE ALL")
    prepared.clear()  # as get_new_connection() leaves it
    assert ACCESSES.exists(access_id=cast.ana.pk, login="ana")


def test_entries_recorded_together_keep_their_order_and_arrive_at_the_end(cast: Cast) -> None:
    with transaction.atomic(), together():
        record("first", cast.ana, by=command())
        record("second", cast.ana, by=command(), before={"a": 1}, after={"a": 2})
        assert not AuditEntry.objects.exists()
    kept = AuditEntry.objects.order_by("id").values_list("action", "before", "after")
    assert list(kept) == [("first", None, None), ("second", {"a": 1}, {"a": 2})]


def test_entries_of_a_change_that_failed_are_not_kept_for_the_next(cast: Cast) -> None:
    def fail() -> None:
        with transaction.atomic(), together():
            record("failed", cast.ana, by=command())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    record("later", cast.ana, by=command())
    assert [entry.action for entry in AuditEntry.objects.all()] == ["later"]
