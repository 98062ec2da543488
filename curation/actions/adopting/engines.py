"""The two kinds of database that a source may be, seen through the same four methods.

A connection of its own and not Django's: it reads in one snapshot, through server-side cursors, with time
limits of its own, and cannot write.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import psycopg2  # type: ignore[import-untyped]

from curation.actions.adopting.address import Address, SourceRefused

PAGE = 1000  # rows in memory
CONNECT_SECONDS = 5
LIMITS = (
    "SET LOCAL statement_timeout = '300s'",
    "SET LOCAL lock_timeout = '5s'",
    "SET LOCAL idle_in_transaction_session_timeout = 0",  # objects are read between two pages, large ones for minutes
    "SET LOCAL timezone = 'UTC'",
    "SET LOCAL datestyle = 'ISO, YMD'",
)
KEEP_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 30_000}
COLUMNS = """
SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
"""
DENIED, TOO_SLOW, LOCKED = "42501", "57014", "55P03"  # SQLSTATEs
MEANINGS = {
    DENIED: "The user of the source may not read its tables.",
    TOO_SLOW: "The source took too long to answer.",
    LOCKED: "The tables of the source are locked: is a migration or the old service at work? Stop it first.",
}
REFUSALS = (  # words in the server's or libpq's message -> what they mean
    (("password", "authentication", 'role "', "pg_hba"), "The source refuses this user or password."),
    (("does not exist",), "The server of the source has no database of that name."),
    (("translate host", "name or service", "nodename"), "The host of the source is not known."),
    (
        ("refused", "timeout", "timed out", "no route", "unreachable", "no such file"),
        "The source does not answer: is its server running, and are host and port right?",
    ),
)


class Engine(Protocol):
    byte_order: str  # the collation that sorts text as bytes

    def columns(self, table: str) -> dict[str, str]:
        """Type by name of the columns of a table; empty when there is no such table."""

    def rows(self, query: str) -> Iterator[tuple[Any, ...]]: ...

    def close(self) -> None: ...


class PostgreSQL:
    byte_order = '"C"'

    def __init__(self, address: Address) -> None:
        try:
            self._connection = psycopg2.connect(**self._words(address))
        except psycopg2.Error as error:
            raise SourceRefused(_why_closed(error)) from None  # the cause could quote the address
        self._names = count(1)
        try:
            with _answering():
                self._connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
                self._connection.set_client_encoding("UTF8")
                with self._connection.cursor() as cursor:
                    for limit in LIMITS:
                        cursor.execute(limit)
        except SourceRefused:
            self.close()
            raise

    def _words(self, address: Address) -> dict[str, Any]:
        ours = {"connect_timeout": CONNECT_SECONDS, "application_name": "pyro-storage adoption", **KEEP_ALIVE}
        return ours | address.options | {"dbname": address.name}

    def columns(self, table: str) -> dict[str, str]:
        with _answering(), self._connection.cursor() as cursor:
            cursor.execute(COLUMNS, [table])
            return dict(cursor.fetchall())

    def rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        with self._connection.cursor(name=f"adoption_{next(self._names)}") as cursor:
            with _answering():
                cursor.execute(query)
            while True:
                with _answering():
                    page = cursor.fetchmany(PAGE)
                if not page:
                    return
                yield from page

    def close(self) -> None:
        self._connection.close()


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except psycopg2.Error as error:
        raise SourceRefused(MEANINGS.get(error.pgcode or "", "The source stopped answering.")) from error
    except UnicodeDecodeError as error:
        raise SourceRefused("The source holds text that is not UTF-8; convert it first.") from error


def _why_closed(error: Exception) -> str:
    said = str(error).lower()
    for words, sentence in REFUSALS:
        if any(word in said for word in words):
            return sentence
    return "The source cannot be opened: is its address right?"


class SQLite:
    byte_order = "BINARY"

    def __init__(self, address: Address) -> None:
        try:
            # mode=ro: the file is not made when it is absent, and not written to when it is there.
            address_of_file = f"{Path(address.name).absolute().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(address_of_file, uri=True, timeout=CONNECT_SECONDS, isolation_level=None)
            self._connection.text_factory = lambda text: text.decode(errors="replace")
            self._connection.execute("BEGIN")  # what follows is read from one moment
        except sqlite3.Error as error:
            raise SourceRefused("The file of the source cannot be opened.") from error

    def columns(self, table: str) -> dict[str, str]:
        return dict(self._ask("SELECT name, type FROM pragma_table_info(?)", table).fetchall())

    def rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        cursor = self._ask(query)
        while page := self._page(cursor):
            yield from page

    def _ask(self, query: str, *values: str) -> sqlite3.Cursor:
        try:
            return self._connection.execute(query, values)
        except sqlite3.Error as error:
            raise SourceRefused(_why_unreadable(error)) from error

    def _page(self, cursor: sqlite3.Cursor) -> list[tuple[Any, ...]]:
        try:
            return cursor.fetchmany(PAGE)
        except sqlite3.Error as error:
            raise SourceRefused(_why_unreadable(error)) from error

    def close(self) -> None:
        self._connection.close()


def _why_unreadable(error: sqlite3.Error) -> str:
    if "not a database" in str(error):
        return "The file of the source is no SQLite database."
    if "locked" in str(error):
        return "The source is locked: is the old service at work? Stop it first."
    return "The file of the source cannot be read."
