"""A second, empty installation beside the one of the tests, of the same kind, to restore into."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2  # type: ignore[import-untyped]
import pytest
from django.conf import settings
from django.db import ProgrammingError, connection

from curation.storage.base import ObjectStore
from curation.storage.bucket import BucketStore
from curation.storage.folder import FolderStore


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        return dict(json.loads(self.out))


@dataclass
class Elsewhere:
    """An installation with a database and a store of its own, reached as its operator does: by manage.py."""

    variables: dict[str, str]
    store: ObjectStore

    def manage(self, *arguments: str, **more: str) -> Ended:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=settings.BASE_DIR, env=self.variables | more, capture_output=True, text=True, check=False
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def check(self) -> dict[str, Any]:
        return self.manage("check_storage", "--full", "--json").answer

    def run(self, code: str) -> None:
        done = self.manage("shell", "-c", code)
        assert done.code == 0, done.err

    def found_empty(self) -> list[bool]:
        return [bool(empty) for (empty,) in self.rows("SELECT found_empty FROM curation_installation")]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        if url := self.variables.get("DATABASE_URL"):
            with closing(psycopg2.connect(url)) as own, own, own.cursor() as cursor:
                cursor.execute(query)
                return list(cursor.fetchall()) if cursor.description else []
        with closing(sqlite3.connect(Path(self.variables["DATA_DIR"]) / "db.sqlite3")) as own:
            found = own.execute(query).fetchall()
            own.commit()
            return found

    def keys(self) -> set[str]:
        return {stat.key for stat in self.store.walk()}


@pytest.fixture
def elsewhere(tmp_path: Path, transactional_db: None) -> Iterator[Elsewhere]:
    data = tmp_path / "elsewhere"
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    variables = kept | {"ENV_FILE": os.devnull, "DATA_DIR": str(data), "DISK_RESERVE_MIB": "0"}
    if connection.vendor != "postgresql":
        yield Elsewhere(variables, FolderStore(data / "objects"))
        return
    name = f"elsewhere_{secrets.token_hex(4)}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        yield Elsewhere(variables | _servers(name), _bucket(name.replace("_", "-")))
    finally:
        _drop(name)


def _drop(name: str) -> None:
    """PostgreSQL's own cleaner may be at work in it, whom we may not end."""
    for patience in reversed(range(50)):
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
        except ProgrammingError:
            if not patience:
                raise
            time.sleep(0.2)
        else:
            return


def _servers(name: str) -> dict[str, str]:
    known: dict[str, Any] = connection.settings_dict
    url = f"postgres://{known['USER']}:{quote(known['PASSWORD'])}@{known['HOST']}:{known['PORT']}/{name}"
    return {
        **settings.S3,
        "DATABASE_URL": url,
        "BUCKET_NAME": name.replace("_", "-"),
        "SECRET_KEY": secrets.token_urlsafe(50),
    }


def _bucket(name: str) -> BucketStore:
    storages: Any = settings.STORAGES
    options: dict[str, Any] = storages["default"]["OPTIONS"]
    store = BucketStore(**options | {"bucket_name": name})
    store._s3.create_bucket(Bucket=name)
    return store
