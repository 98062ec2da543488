"""An old service in each kind of database, and ours ready to take it over."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.models import Access, AuditEntry
from curation.models import AdoptionFinding, Annotation, AnnotationRevision, Media, StoredObject
from curation.storage.base import ObjectStore
from curation.storage.stores import object_store
from curation.tests.adopting.old_service import SAME_IN_BOTH, InPostgres, InSqlite, OldService, OldTables

TIMES = {"at", "touched_at", "verified_at", "updated_at"}  # of our own work: they differ from run to run
NUMBERS = {"id", "current_id", "last_login"}


def put_into(store: ObjectStore, key: str, content: bytes) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    store.put(key, io.BytesIO(content), size=len(content), sha256=sha256, content_type="application/octet-stream")


def postgres_url() -> str:
    url = os.environ.get("TEST_DATABASE_URL", "")
    if not url:
        pytest.skip("No PostgreSQL to test against: set TEST_DATABASE_URL.")
    return url


@pytest.fixture
def in_sqlite(tmp_path: Path) -> Iterator[InSqlite]:
    """The empty tables of an old service in a file."""
    tables = InSqlite(tmp_path / "old.sqlite3")
    tables.run(SAME_IN_BOTH)
    yield tables
    tables.close()


@pytest.fixture
def in_postgres() -> Iterator[InPostgres]:
    """The empty tables of an old service on a server."""
    tables = InPostgres(postgres_url())
    tables.drop()
    tables.run(SAME_IN_BOTH)
    yield tables
    tables.drop()
    tables.close()


@pytest.fixture(params=["sqlite", "postgres"])
def old(request: pytest.FixtureRequest, db: None) -> OldService:
    """An old service in either kind of database, its objects in the store of this installation."""
    return service(request.getfixturevalue(f"in_{request.param}"))


@pytest.fixture
def some_old(in_sqlite: InSqlite, db: None) -> OldService:
    """An old service, where it does not matter how its rows are kept."""
    return service(in_sqlite)


def service(tables: OldTables) -> OldService:
    return OldService(tables, lambda key, content: put_into(object_store(), key, content))


@dataclass(frozen=True)
class Answer:
    """What the command said. result: its JSON, empty where it refused."""

    code: int
    result: dict[str, Any]
    sentence: str  # on standard error

    @property
    def problems(self) -> dict[str, int]:
        return {problem["code"]: problem["count"] for problem in self.result["problems"]}


def adopt(source: OldService | OldTables | str, *options: str, **named: Any) -> Answer:
    """Run the command as an operator does."""
    url = source if isinstance(source, str) else source.tables.url if isinstance(source, OldService) else source.url
    out = io.StringIO()
    code, sentence = 0, ""
    try:
        call_command("adopt_pyrostorage", url, "--json", *options, stdout=out, stderr=io.StringIO(), **named)
    except CommandError as error:
        code, sentence = error.returncode, str(error)
    return Answer(code, json.loads(out.getvalue().splitlines()[-1]) if code < 2 else {}, sentence)


def findings() -> set[tuple[str, int, str]]:
    return set(AdoptionFinding.objects.exclude(table="").values_list("table", "row_id", "code"))


def everything() -> dict[str, list[Any]]:
    """All that an adoption writes, in an order that does not depend on when it was written."""
    models = (Access, Media, Annotation, AnnotationRevision, StoredObject, AuditEntry, AdoptionFinding)
    return {model.__name__: sorted(_rows(model), key=repr) for model in models}


def _rows(model: Any) -> list[Any]:
    ours = model in (StoredObject, AuditEntry, AdoptionFinding, AnnotationRevision)
    leave_out = TIMES | (NUMBERS | {"created_at"} if ours else {"current_id", "created_at", "last_login"})
    return [{name: value for name, value in row.items() if name not in leave_out} for row in model.objects.values()]
