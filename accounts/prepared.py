"""Statements whose SQL is made once per process, and on PostgreSQL parsed and planned once per connection.

Building and compiling a query takes Django several times longer than the database takes to answer one by primary
key, and planning it takes PostgreSQL several times longer than running it. What runs for nearly every request is
compiled once, with marks where the values go, and sent by name from the second time on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.models import Value
from django.db.models.sql.subqueries import UpdateQuery

Row = TypeVar("Row", bound=models.Model)

MARKS: dict[type, Callable[[int], Any]] = {  # stand for values while the SQL is made; no constant is one of them
    int: lambda number: 2_000_000_000 + number,
    str: lambda number: f"\x1b mark {number}",
    datetime: lambda number: datetime(1, 1, 1, 0, 0, number, tzinfo=UTC),
}
PLAIN = (models.CharField, models.IntegerField, models.BooleanField, models.FloatField, models.ForeignKey)
MOST_PREPARED = 8  # rows of an INSERT; more are planned anew each time, so that a connection does not keep every length
_numbers = count(1)


class Statement:
    """SQL with `%s` where values go. Prepared by each PostgreSQL connection that meets it; plain text for SQLite."""

    def __init__(self, name: str, sql: str, constants: Mapping[int, Any] | None = None) -> None:
        """name: how it is called in pg_stat_activity. constants: values that never change, by their place."""
        self._name = f"{name}_{next(_numbers)}"
        self._sql = sql
        self._constants = constants or {}
        places = range(sql.count("%s") - len(self._constants))
        self._execute = f"EXECUTE {self._name}" + (f" ({', '.join('%s' for _ in places)})" if places else "")

    def run(self, cursor: Any, values: Sequence[Any]) -> None:
        """Execute on a cursor of `connection`; `values` are those that are no constants, in order."""
        prepared: set[str] | None = getattr(connection, "prepared", None)
        if prepared is None:
            cursor.execute(self._sql, self._merged(values))
            return
        if self._name not in prepared:
            self._prepare()
            prepared.add(self._name)
        cursor.execute(self._execute, values)

    def _merged(self, values: Iterable[Any]) -> list[Any]:
        rest = iter(values)
        places = range(self._sql.count("%s"))
        return [self._constants[place] if place in self._constants else next(rest) for place in places]

    def _prepare(self) -> None:
        """Constants stay in the text, where the planner sees them (partial indexes ask for that)."""
        from psycopg2.extensions import AsIs  # type: ignore[import-untyped]  # SQLite needs no psycopg2

        places = sum(place not in self._constants for place in range(self._sql.count("%s")))
        with connection.wrap_database_errors, connection.connection.cursor() as cursor:
            cursor.execute(
                f"PREPARE {self._name} AS {self._sql}", self._merged(AsIs(f"${n + 1}") for n in range(places))
            )


class Prepared(Generic[Row]):
    """One shape of query. `build` gets marks in the place of values and returns the queryset."""

    def __init__(self, build: Callable[..., models.QuerySet[Row]], **kinds: type) -> None:
        """kinds: the parameters of `build`: int, str or datetime."""
        self._build = build
        self._marks = {name: MARKS[kind](number) for number, (name, kind) in enumerate(kinds.items())}
        self._values: _Values | None = None
        self._exists: _Compiled | None = None
        self._updates: dict[tuple[str, ...], _Compiled] = {}

    def first(self, **values: Any) -> Row | None:
        """The first row, or None."""
        if self._values is None:
            self._values = _Values(self._build(**self._marks).query, self._marks)
        row = self._values.first(values)
        return None if row is None else self._values.query.model.from_db(connection.alias, self._values.names, row)

    def values(self, **values: Any) -> list[dict[str, Any]]:
        """All rows, where `build` returns a `values()` queryset."""
        if self._values is None:
            self._values = _Values(self._build(**self._marks).query, self._marks)
        return self._values.rows(values)

    def exists(self, **values: Any) -> bool:
        """Whether there is such a row."""
        if self._exists is None:
            query = self._build(**self._marks).query
            self._exists = _Compiled(query.exists(), self._marks)
        with connection.cursor() as cursor:
            self._exists.run(cursor, values)
            return cursor.fetchone() is not None

    def update(self, columns: Mapping[str, Any], **values: Any) -> int:
        """Set columns (by the names that rows have them under: `owner_id`) of all such rows; return how many."""
        names = tuple(columns)
        compiled = self._updates.get(names)
        if compiled is None:
            compiled = self._updates[names] = self._compile_update(names)
        fields = compiled.query.get_meta()
        new = {name: _saved(fields.get_field(name), columns[name]) for name in names}
        with connection.cursor() as cursor:
            compiled.run(cursor, values | {f"new {name}": value for name, value in new.items()})
            return int(cursor.rowcount)

    def _compile_update(self, names: tuple[str, ...]) -> _Compiled:
        new = {f"new {name}": f"\x1b new {name}" for name in names}
        query: Any = self._build(**self._marks).query.chain(UpdateQuery)
        fields = query.get_meta()
        query.add_update_fields([(fields.get_field(name), None, Value(new[f"new {name}"])) for name in names])
        return _Compiled(query, self._marks | new)


class _Compiled:
    """The SQL of a query, and which of its parameters are marks."""

    def __init__(self, query: Any, marks: Mapping[str, Any]) -> None:
        self.query = query
        self.compiler = query.get_compiler(connection.alias)
        sql, parameters = self.compiler.as_sql()
        named = {_adapted(mark): name for name, mark in marks.items()}
        self._names = [named[value] for value in parameters if value in named]
        constants = {place: value for place, value in enumerate(parameters) if value not in named}
        self._statement = Statement(query.get_meta().db_table, sql, constants)

    def run(self, cursor: Any, values: Mapping[str, Any]) -> None:
        self._statement.run(cursor, [_adapted(values[name]) for name in self._names])


class _Values(_Compiled):
    """A query for rows, and the names of their columns."""

    def __init__(self, query: Any, marks: Mapping[str, Any]) -> None:
        super().__init__(query, marks)
        columns = [column for column, _, _ in self.compiler.select]
        self.names = [column.target.attname for column in columns]
        self._converters = self.compiler.get_converters(columns)

    def rows(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        with connection.cursor() as cursor:
            self.run(cursor, values)
            found = cursor.fetchall()
        return [dict(zip(self.names, row, strict=True)) for row in self._converted(found)]

    def first(self, values: Mapping[str, Any]) -> Sequence[Any] | None:
        with connection.cursor() as cursor:
            self.run(cursor, values)
            row = cursor.fetchone()
        return None if row is None else next(iter(self._converted([row])))

    def _converted(self, rows: list[Any]) -> Iterable[Any]:
        converted: Iterable[Any] = self.compiler.apply_converters(rows, self._converters) if self._converters else rows
        return converted


def _adapted(value: Any) -> Any:
    """Times as the database takes them: text for SQLite."""
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def _saved(field: Any, value: Any) -> Any:
    """A value as the database takes it. Most are taken as they are, which asking the field again and again costs."""
    return value if isinstance(field, PLAIN) else field.get_db_prep_save(value, connection)


class Insert(Generic[Row]):
    """Adds rows of one model, as `save()` of a new row does, without signals and without `auto_now`."""

    def __init__(self, model: type[Row], *, skips_known: bool = False) -> None:
        """skips_known: a row that a unique constraint refuses is left out, and no row learns its id."""
        self._model = model
        self._skips_known = skips_known
        self.fields = [field for field in model._meta.concrete_fields if not field.primary_key]
        self._shapes: dict[int, Statement] = {}

    def __call__(self, *rows: Row) -> None:
        """One statement for all `rows`, which know their ids afterwards."""
        if not rows:
            return
        values = [_saved(field, row.__dict__[field.attname]) for row in rows for field in self.fields]
        with connection.cursor() as cursor:
            self._run(cursor, len(rows), values)
            if self._skips_known:
                return
            for row, (row_id,) in zip(rows, cursor.fetchall(), strict=True):
                row.pk = row_id
                row._state.adding, row._state.db = False, connection.alias

    def _run(self, cursor: Any, size: int, values: list[Any]) -> None:
        if size > MOST_PREPARED:
            cursor.execute(self._sql(size), values)
            return
        if size not in self._shapes:
            self._shapes[size] = Statement(f"insert_{self._model._meta.db_table}", self._sql(size))
        self._shapes[size].run(cursor, values)

    def _sql(self, size: int) -> str:
        quote = connection.ops.quote_name
        columns = ", ".join(quote(field.attname) for field in self.fields)
        marks = ", ".join([f"({', '.join('%s' for _ in self.fields)})"] * size)
        end = "ON CONFLICT DO NOTHING" if self._skips_known else f"RETURNING {quote(self._model._meta.pk.attname)}"
        return f"INSERT INTO {quote(self._model._meta.db_table)} ({columns}) VALUES {marks} {end}"  # noqa: S608  # nosec B608
