"""Queries whose SQL is made once per process.

Building and compiling a query takes Django several times longer than the database takes to answer one by primary
key. What runs for nearly every request is compiled once, with marks where the values go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import connection, models

Row = TypeVar("Row", bound=models.Model)

MARKS: dict[type, Callable[[int], int | str]] = {  # stand for values while the SQL is made, and are none themselves
    int: lambda number: -900_000_000 - number,
    str: lambda number: f"\x1b mark {number}",
}


class Prepared(Generic[Row]):
    """One shape of query. `build` gets marks in the place of values and returns the queryset of whole rows."""

    def __init__(self, build: Callable[..., models.QuerySet[Row]], **kinds: type) -> None:
        """kinds: the parameters of `build`, int or str."""
        self._build = build
        self._marks = {name: MARKS[kind](number) for number, (name, kind) in enumerate(kinds.items())}
        self._sql = ""

    def first(self, **values: int | str) -> Row | None:
        """The first row, or None."""
        if not self._sql:
            self._compile()
        with connection.cursor() as cursor:
            cursor.execute(self._sql, [values.get(part, part) for part in self._parameters])
            row = cursor.fetchone()
        if row is None:
            return None
        if self._converters:
            row = next(iter(self._compiler.apply_converters([row], self._converters)))
        return self._model.from_db(connection.alias, self._fields, row)

    def _compile(self) -> None:
        query = self._build(**self._marks).query
        self._model: type[Row] = query.model  # type: ignore[assignment]
        self._compiler: Any = query.get_compiler(connection.alias)
        sql, parameters = self._compiler.as_sql()
        named = {mark: name for name, mark in self._marks.items()}
        self._parameters = [named.get(parameter, parameter) for parameter in parameters]
        columns = [column for column, _, _ in self._compiler.select]
        self._fields = [column.target.attname for column in columns]
        self._converters = self._compiler.get_converters(columns)
        self._sql = sql
