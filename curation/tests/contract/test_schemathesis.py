"""Every operation, asked as each scope with what the schema allows: no 5xx, no status and no body it does not say.

SCHEMA_EXAMPLES sets how many requests are made for each operation and scope.
"""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
import schemathesis
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.tests.cast import Cast
from curation.tests.contract.matrix import QUERIES, Scene, body_of, canonical, make_scene, parsed
from curation.tests.pictures import LABEL, picture, zipped
from pyrostorage_site.wsgi import application

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "5"))
CHECKS = (not_a_server_error, status_code_conformance, response_schema_conformance, content_type_conformance)
FILES = {"file": picture(5), "annotation": LABEL}

pytestmark = [
    pytest.mark.damages_storage,  # answers are undone by rolling back, which leaves objects without rows
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # see `scene`
    pytest.mark.timeout(600),
]
SCHEMA = schemathesis.openapi.from_wsgi("/openapi.json", application)
OPERATIONS: list[Any] = [result.ok() for result in SCHEMA.get_all_operations() if isinstance(result, Ok)]


@pytest.fixture
def scene(cast: Cast) -> Iterator[Scene]:
    """A server closes its connections between requests; here all of them happen in the test's transaction."""
    scene = make_scene(cast)
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield scene
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)
    gc.collect()  # werkzeug's client leaves the bodies that it sent to the garbage collector, which warns


class Asking:
    """One scope, its token, and the rows that it may reach."""

    def __init__(self, scene: Scene, role: str) -> None:
        self.scene, self.role = scene, role
        self.headers = {"Authorization": f"Bearer {scene.tokens[role]}", "Host": "localhost"}
        self.statuses: Counter[tuple[str, int]] = Counter()

    def __call__(self, case: Any) -> None:
        """Send the case, judge the answer, and undo what it did."""
        cache.clear()
        with transaction.atomic():
            answer = case.call(headers=self.headers)
            transaction.set_rollback(True)
        self.statuses[case.operation.label, answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    def ids(self, operation: Any) -> dict[str, int]:
        return self.scene.ids(self.role, bare=operation.method.upper() == "DELETE")

    def in_order(self, operation: Any) -> Any:
        """A request with which nothing is wrong."""
        route, method = canonical(operation.path), operation.method.upper()
        body = body_of(route, method, self.ids(operation))["data"] if method != "GET" else None
        names = [parameter.name for parameter in operation.path_parameters]
        extra: dict[str, Any] = {"path_parameters": {name: self.ids(operation)[name] for name in names}}
        if query := QUERIES.get((route, method)):
            extra["query"] = dict(parse_qsl(query.removeprefix("?")))
        if isinstance(body, str):
            body, media_type = (
                {"username": "ana", "password": body.rpartition("=")[2]},
                "application/x-www-form-urlencoded",
            )
            return operation.Case(body=body, media_type=media_type, **extra)
        if body and "file" in body:
            only = {"annotations": LABEL, "imports": zipped({}), "annotation-imports": b"[]"}.get(route.split("/")[1])
            texts: dict[str, Any] = {name: text for name, text in body.items() if isinstance(text, str)}
            files = {name: FILES[name] for name in body if name not in texts} if only is None else {"file": only}
            return operation.Case(body=texts | files, media_type="multipart/form-data", **extra)
        return operation.Case(body=body, media_type="application/json", **extra) if body else operation.Case(**extra)


def known_ids(case: Any, ids: dict[str, int]) -> None:
    """Aim at rows that are there, so that more than a 404 is seen."""
    for name in case.path_parameters or {}:
        case.path_parameters[name] = ids[name]
    if isinstance(case.body, dict) and "media_id" in case.body:
        case.body["media_id"] = ids["media_id"]
    if isinstance(case.body, dict) and isinstance(case.body.get("ids"), list):
        case.body["ids"] = [ids["upload_id"]]


def explore(operation: Any, asking: Asking) -> None:
    @given(case=operation.as_strategy(), aim=st.booleans())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any, aim: bool) -> None:
        if aim:
            known_ids(case, asking.ids(operation))
        asking(case)

    ask()


@pytest.mark.parametrize("role", ["ana", "tower", "carl", "ada"])
def test_nothing_is_answered_that_the_schema_does_not_say(scene: Scene, role: str) -> None:
    asking = Asking(scene, role)
    for operation in OPERATIONS:
        asking(asking.in_order(operation))
        explore(operation, asking)
    expected = {key: row[role] for key, row in parsed().items()}
    for operation in OPERATIONS:
        status = expected[canonical(operation.path), operation.method.upper()]
        assert asking.statuses[operation.label, status], f"{operation.label} as {role} never answered {status}"
        asked = sum(count for (label, _), count in asking.statuses.items() if label == operation.label)
        assert asked > min(EXAMPLES, 2), operation.label
