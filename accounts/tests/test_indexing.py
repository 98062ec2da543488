"""Indexes that are added to tables in use."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections, models
from django.db.migrations.loader import MigrationLoader
from django.test.utils import CaptureQueriesContext

from accounts.indexing import AddIndexInPlace
from accounts.models import Organisation
from pyrostorage_site.management.commands import prepare

NAME = "organisation_by_creation"
ADDING = AddIndexInPlace("organisation", models.Index(fields=["created_at"], name=NAME))
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no such thing.")


def migrate(way: str) -> None:
    """Apply the operation, or (backwards) take it back, outside of any transaction."""
    before = MigrationLoader(connection).project_state()
    after = before.clone()
    ADDING.state_forwards("accounts", after)
    states = (before, after) if way == "forwards" else (after, before)
    with connection.schema_editor(atomic=False) as editor:
        getattr(ADDING, f"database_{way}")("accounts", editor, *states)


def columns() -> list[str] | None:
    """Of the index; None when there is none."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, Organisation._meta.db_table).get(NAME)
    return None if found is None else list(found["columns"])


@pytest.fixture
def _taken_back(transactional_db: None) -> Any:
    yield
    migrate("backwards")


@pytest.mark.usefixtures("_taken_back")
def test_an_index_is_added_and_taken_back() -> None:
    migrate("forwards")
    assert columns() == ["created_at"]
    migrate("backwards")
    assert columns() is None


@pytest.mark.usefixtures("_taken_back")
def test_what_an_interrupted_attempt_left_is_replaced() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX {NAME} ON accounts_organisation (name)")
    migrate("forwards")
    assert columns() == ["created_at"]


@on_postgresql
@pytest.mark.usefixtures("_taken_back")
def test_writers_are_not_locked_out_and_limits_return_afterwards() -> None:
    limits = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
    with connection.cursor() as cursor:
        cursor.execute(limits)
        usual = cursor.fetchone()
    with CaptureQueriesContext(connection) as captured:
        migrate("forwards")
    assert any("CREATE INDEX CONCURRENTLY" in query["sql"] for query in captured.captured_queries)
    with connection.cursor() as cursor:
        cursor.execute(limits)
        assert cursor.fetchone() == usual != ("0", "0")


def prepare_another_host() -> None:
    try:
        call_command("prepare")
    finally:
        connections.close_all()


@on_postgresql
@pytest.mark.usefixtures("_taken_back")
def test_a_host_that_waits_for_its_turn_to_prepare_holds_up_no_index() -> None:
    """What waits inside a statement would be waited for by the index, for ever."""
    waiting = threading.Thread(target=prepare_another_host, daemon=True)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [prepare.LOCK])
        waiting.start()
        waiting.join(3 * prepare.TRIED_EVERY)
        assert waiting.is_alive()
        migrate("forwards")
        cursor.execute("SELECT pg_advisory_unlock(%s)", [prepare.LOCK])
    other.close()
    waiting.join(20)
    assert columns() == ["created_at"]
