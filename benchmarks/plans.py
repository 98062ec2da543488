"""How PostgreSQL answers what a list asks: the statement that a request sends, and the nodes of its plan.

Run as a program (`make benchmark PARTS=lists` does), it explains every question of benchmarks.questions on the database
of DATABASE_URL, and ends with 1 when one of them reads a big table whole.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import django
from django.db import connection

from benchmarks.questions import ADMIN, QUESTIONS, Question
from benchmarks.rig import show

BIG = 100_000  # rows, as the planner estimates them
LOOKED_THROUGH = 10_000  # rows read in vain; more than that is a walk through the table, whatever it is called
PAGED = re.compile(
    r' ORDER BY ((\d|"\w+"\."captured_at") (DESC|ASC), )?(\d|"\w+"\."id") (DESC|ASC) LIMIT 51$'
)  # a page and one row more
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


def big_tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= %s", [BIG])
        return {name for (name,) in cursor.fetchall()}


def askers() -> tuple[Callable[[str], Any], Callable[[str], Any], int, int]:
    """The first admin at the API and in the workbench, and the ids of an organisation and of an import."""
    from django.test import Client
    from django.utils import timezone

    from accounts.actions.tokens import issue_device_token
    from accounts.actor import Actor
    from accounts.models import Access, Organisation
    from curation.models import ImportRun

    admin = Access.objects.admins().order_by("id")[0]
    soon = timezone.now() + timedelta(hours=1)
    _, secret = issue_device_token(admin, name="plans", rights="all", expires_at=soon, by=Actor(admin, "command"))
    api, workbench = Client(SERVER_NAME="localhost"), Client(SERVER_NAME="localhost")
    workbench.force_login(admin, backend="accounts.backends.AccessBackend")
    bearer = {"Authorization": f"Bearer {secret}"}
    organisation, run = Organisation.objects.order_by("id")[0], ImportRun.objects.create(source="none", state="done")
    return lambda path: api.get(path, headers=bearer), workbench.get, organisation.pk, run.pk


def way_of(plan: dict[str, Any]) -> str:
    """The scans of a plan, as "Index Scan media_by_type"."""
    scans = [node for node in nodes(plan) if "Index Name" in node or "Scan" in node["Node Type"]]
    names = [node.get("Index Name", node.get("Relation Name", "")) for node in scans]
    return ", ".join(f"{node['Node Type']} {name}".strip() for node, name in zip(scans, names, strict=True))


def is_walk(node: dict[str, Any]) -> bool:
    """Whether it reads a table rather than finds rows in it."""
    return node["Node Type"] == "Seq Scan" or (
        "Relation Name" in node and int(node.get("Rows Removed by Filter", 0)) >= LOOKED_THROUGH
    )


def explain(question: Question, ask: Asking, big: set[str]) -> bool:
    """Print the plan of a question; whether no big table is read whole."""
    plan = plan_of(statement_of(ask), "ANALYZE")
    whole = {node["Relation Name"] for node in nodes(plan) if is_walk(node)} & big
    figures = f"{plan['Execution Time']:.2f} ms, cost {plan['Total Cost']:.0f}"
    way = f"READS THE WHOLE OF {', '.join(sorted(whole))}" if whole else way_of(plan)
    show(f"{question.path.removeprefix('/api/v1')}?{question.parameter}={question.value[:12]}", figures, way)
    return not whole


def main() -> int:
    api, workbench, organisation, run = askers()
    big = big_tables()
    held = []
    for question in QUESTIONS:
        ask = workbench if question.path.startswith(ADMIN) else api
        address = question.address(organisation=organisation, run=run)
        held.append(explain(question, lambda: ask(address), big))  # noqa: B023  # asked at once
    return 0 if all(held) else 1


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pyrostorage_site.settings")
    django.setup()
    sys.exit(main())
