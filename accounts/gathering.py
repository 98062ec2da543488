"""Rows that wait for the end of a block, and are inserted there by one statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic

from accounts.prepared import Insert, Row


class Gathering(Generic[Row]):
    """Inserts at once, or, inside of `together`, at its end. One for each module; a block is of its own thread."""

    def __init__(self, insert: Insert[Row]) -> None:
        self._insert = insert
        self._waiting: ContextVar[list[Row] | None] = ContextVar("rows that wait", default=None)

    def __call__(self, *rows: Row) -> None:
        waiting = self._waiting.get()
        if waiting is None:
            self._insert(*rows)
        else:
            waiting.extend(rows)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Within a transaction. A block that raises inserts nothing."""
        rows: list[Row] = []
        mark = self._waiting.set(rows)
        try:
            yield
        finally:
            self._waiting.reset(mark)
        self._insert(*rows)
