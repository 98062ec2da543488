"""How PostgreSQL answers what a list asks: the statement that a request sends, and the nodes of its plan."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from django.db import connection

PAGED = re.compile(r' ORDER BY (1|"\w+"\."id") (DESC|ASC) LIMIT 51$')  # a page and one row more
Asking = Callable[[], Any]


@dataclass(frozen=True)
class Statement:
    sql: str
    values: Any

    def of_all_rows(self) -> Statement:
        """The same without order and limit: there is no reason left to walk along the primary key."""
        return Statement(PAGED.sub("", self.sql), self.values)


def statement_of(ask: Asking) -> Statement:
    """The one statement of a request that reads a page of a list. Raises AssertionError when there is not one."""
    sent: list[Statement] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(Statement(sql, params))
        return execute(sql, params, many, context)

    noting: AbstractContextManager[None] = connection.execute_wrapper(note)
    with noting:
        answer = ask()
    pages = [statement for statement in sent if PAGED.search(statement.sql)]
    if answer.status_code != 200 or len(pages) != 1:
        raise AssertionError(f"{answer.status_code}: {len(pages)} statements read a page; sent: {sent}")
    return pages[0]


def plan_of(statement: Statement, *options: str) -> dict[str, Any]:
    """EXPLAIN of a statement; options: ANALYZE and the like. The root node, with "Execution Time" (ms) if measured."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({', '.join([*options, 'FORMAT JSON'])}) {statement.sql}", statement.values)
        [(found,)] = cursor.fetchall()
    [plan] = json.loads(found) if isinstance(found, str) else found
    return {**plan["Plan"], "Execution Time": plan.get("Execution Time")}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A node and all below it."""
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def conditions(plan: dict[str, Any]) -> str:
    """What the index scans of a plan are asked for."""
    return " ".join(node["Index Cond"] for node in nodes(plan) if "Index Cond" in node)
