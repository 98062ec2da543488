"""Kept connections: no question while the server is silent, a new connection when it is gone."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest
from django.db import connection, connections
from django.db.backends.postgresql import base

from accounts.models import Organisation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def kept_connection() -> Iterator[None]:
    """A connection as a request finds it: opened by the one before, and not looked at yet."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server.")
    connection.ensure_connection()
    yield
    wrapper: Any = connections["default"]
    wrapper.health_check_enabled = False


def begin_request() -> None:
    wrapper: Any = connections["default"]
    wrapper.health_check_enabled, wrapper.health_check_done = True, False


def backend() -> int:
    return int(connection.connection.info.backend_pid)


@contextmanager
def another() -> Iterator[Any]:
    """A second connection to the same database, committed and closed afterwards."""
    at = connection.settings_dict
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    with closing(psycopg2.connect(**{name: at[key] for name, key in names.items()})) as other, other:
        yield other


def end_backend(pid: int) -> None:
    """What a restart of the server does to a connection."""
    with another() as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        assert cursor.fetchone() == (True,)


def test_a_silent_connection_is_kept_without_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    before = backend()
    monkeypatch.setattr(base.DatabaseWrapper, "is_usable", lambda self: pytest.fail("The server was asked."))
    begin_request()
    assert Organisation.objects.count() == 0
    assert backend() == before


def test_a_connection_that_the_server_ended_is_replaced_before_the_first_statement() -> None:
    before = backend()
    end_backend(before)
    begin_request()
    assert Organisation.objects.count() == 0
    assert backend() != before


def test_a_connection_with_something_to_say_is_asked_and_kept() -> None:
    before = backend()
    with connection.cursor() as cursor:
        cursor.execute("LISTEN news")
    with another() as other, other.cursor() as cursor:
        cursor.execute("NOTIFY news")
    assert select.select([connection.connection], [], [], 10)[0]  # the news arrived
    assert connection.is_usable()
    assert backend() == before


def test_a_connection_closed_on_our_side_is_not_usable() -> None:
    connection.connection.close()
    assert not connection.is_usable()
    connection.close()
