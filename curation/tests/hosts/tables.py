"""Tables that are as the migrations left them again after each test, although everything was committed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

from django.db import connection, transaction

DJANGOS = ("auth_", "django_")  # what is in these before the first test, no test touches
Rows = dict[str, str]  # of tables, by their names, as COPY writes them


class Tables:
    """The tables of the database of the tests, which nobody else writes while this looks."""

    def __init__(self) -> None:
        self._names = connection.introspection.table_names()
        fixed = {name for name in self._full() if name.startswith(DJANGOS)}
        self._names = [name for name in self._names if name not in fixed]
        self._shipped = self._now()
        self._clean_at = _writes()
        self._kept, self._kept_at = self._shipped, self._clean_at

    def empty(self) -> None:
        """Leave what migrations ship, and nothing else."""
        if self._clean_at != _writes():
            self._replace(self._shipped)
            self._clean_at = _writes()

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Afterwards the rows are those of before, although whoever wrote in between has committed."""
        if self._kept_at != _writes():
            self._kept, self._kept_at = self._now(), _writes()
        yield
        if self._kept_at != _writes():
            self._replace(self._kept)
            self._kept_at = _writes()

    def _full(self) -> list[str]:
        quoted = connection.ops.quote_name
        looks = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM {quoted(name)})" for name in self._names)
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(looks))
            return [name for (name,) in cursor.fetchall()]

    def _now(self) -> Rows:
        return {name: _copied(name) for name in self._full()}

    def _replace(self, rows: Rows) -> None:
        """Emptying a table takes a millisecond for each of its indexes, so only those that need it are."""
        full = ", ".join(map(connection.ops.quote_name, {*self._full(), *rows}))
        with transaction.atomic(), connection.cursor() as cursor:  # keys of other tables are judged at its end
            cursor.execute(f"TRUNCATE {full} CASCADE")
            for name, lines in rows.items():
                cursor.cursor.copy_expert(f"COPY {connection.ops.quote_name(name)} FROM STDIN", StringIO(lines))


def _copied(name: str) -> str:
    rows = StringIO()
    with connection.cursor() as cursor:
        cursor.cursor.copy_expert(f"COPY {connection.ops.quote_name(name)} TO STDOUT", rows)
    return rows.getvalue()


def _writes() -> int:
    """Grows with each transaction that writes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT txid_snapshot_xmax(txid_current_snapshot())")
        return int(cursor.fetchone()[0])
