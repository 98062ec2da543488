"""The real command in a process of its own, killed in the middle, ends as one that nobody disturbed.

ADOPT_COUNT: healthy media beside the broken ones (800).
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2  # type: ignore[import-untyped]
import pytest
from django.db import connection

from curation.tests.adopting.conftest import postgres_url
from curation.tests.adopting.old_service import SAME_IN_BOTH, InPostgres, InSqlite, OldService, with_every_oddity

ROOT = Path(__file__).resolve().parents[3]
COUNT = int(os.environ.get("ADOPT_COUNT", "800"))
COPIES = max(1, COUNT // 500)  # of each oddity
PATIENCE = 60 + COUNT / 20  # seconds for one run
# A media whose time of making is unknown has that of its taking over.
MADE = "CASE WHEN created_at < '2024-01-01' THEN created_at END"
WRITTEN = {  # table -> columns that do not depend on when a run happened
    "accounts_access": "id, login, login_key, password, scope, sees, is_active, deleted_at",
    "curation_media": (
        f'id, type, file, sha256, size, content_type, width, height, orientation, "version", owner_id, {MADE}'
    ),
    "curation_annotation": f"id, media_id, file, sha256, size, content_type, format, state, origin, {MADE}",
    "curation_annotationrevision": "annotation_id, number, file, sha256, size, format, origin, note",
    "curation_storedobject": "key, sha256, size, content_type, state, lease_until, hold_until",
    "accounts_auditentry": 'action, "table", row_id, door, after',
    "curation_adoptionfinding": '"table", row_id, code, verdict, key, sentence',
    "curation_installation": "found_empty",
}


@dataclass(frozen=True)
class Home:
    """One installation: a database and a folder of its own."""

    folder: Path
    database_url: str = ""  # "" for SQLite in the folder

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        ours = {"ENV_FILE": os.devnull, "DATA_DIR": str(self.folder), "DATABASE_URL": self.database_url}
        return kept | ours | {"SECRET_KEY": secrets.token_urlsafe(50)}

    def command(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        with self.command(*words) as process:
            out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    def connect(self) -> Any:
        if self.database_url:
            opened = psycopg2.connect(self.database_url)
            opened.autocommit = True
            return opened
        return sqlite3.connect(self.folder / "db.sqlite3", timeout=20)

    def rows(self, query: str) -> list[Any]:
        with closing(self.connect()) as opened, closing(opened.cursor()) as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def dump(self) -> dict[str, list[str]]:
        return {table: sorted(map(repr, self.rows(f"SELECT {what} FROM {table}"))) for table, what in WRITTEN.items()}


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[tuple[Home, Home, str]]:
    """Two installations alike, and the address of the old service; on PostgreSQL it lives in the same database.

    They keep their rows as this run of the tests does.
    """
    folders = (tmp_path / "one", tmp_path / "two")
    old_objects = tmp_path / "one" / "objects"
    if connection.vendor == "sqlite":
        tables = InSqlite(tmp_path / "old.sqlite3")
        fill(tables, old_objects)
        home = Home(folders[0])
        migrate(home)
        shutil.copytree(*folders)
        yield home, Home(folders[1]), tables.url
        return
    first = f"adopting_{secrets.token_hex(4)}"
    with databases(postgres_url(), first, f"{first}_twin") as urls:
        fill(InPostgres(urls[0]), old_objects)
        home = Home(folders[0], urls[0])
        migrate(home)
        shutil.copytree(*folders)
        urls.append(copy(postgres_url(), first, f"{first}_twin"))
        yield home, Home(folders[1], urls[1]), ""


def fill(tables: InSqlite | InPostgres, objects: Path) -> None:
    for folder in ("media", "annotations"):
        (objects / folder).mkdir(parents=True)
    tables.run(SAME_IN_BOTH)
    old = OldService(tables, lambda key, content: (objects / key).write_bytes(content))
    with_every_oddity(old, copies=COPIES)
    old.plain(COUNT)
    tables.close()


def migrate(home: Home) -> None:
    code, _, err = home.run("migrate", "--verbosity", "0")
    assert code == 0, err


class databases:  # noqa: N801 - read as a function
    """Makes the first of the databases, and removes all of them at the end."""

    def __init__(self, server: str, *names: str) -> None:
        self.server, self.names = server, names

    def __enter__(self) -> list[str]:
        on_server(self.server, f"CREATE DATABASE {self.names[0]}")
        return [beside(self.server, self.names[0])]

    def __exit__(self, *_: object) -> None:
        for name in self.names:
            on_server(self.server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def copy(server: str, name: str, twin: str) -> str:
    on_server(server, f"CREATE DATABASE {twin} TEMPLATE {name}")
    return beside(server, twin)


def beside(server: str, name: str) -> str:
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def on_server(server: str, statement: str) -> None:
    with closing(psycopg2.connect(server)) as opened:
        opened.autocommit = True
        with opened.cursor() as cursor:
            cursor.execute(statement)


def adopt(home: Home, source: str, *options: str) -> tuple[int, dict[str, Any]]:
    code, out, err = home.run("adopt_pyrostorage", source or home.database_url, "--apply", "--json", *options)
    assert code in {0, 1}, err
    return code, json.loads(out.splitlines()[-1])


def kill_when(home: Home, source: str, enough: Callable[[], bool]) -> None:
    """Start the command and end it with SIGKILL as soon as it has done `enough`."""
    with home.command("adopt_pyrostorage", source or home.database_url, "--apply") as process:
        deadline = time.monotonic() + PATIENCE
        while not enough() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.kill()
        assert process.wait() == -signal.SIGKILL, "it had ended before it was killed"


def count(home: Home, table: str) -> int:
    return int(home.rows(f"SELECT count(*) FROM {table}")[0][0])


@pytest.mark.timeout(int(10 * PATIENCE))
def test_killed_twice_it_ends_as_an_undisturbed_run_does(homes: tuple[Home, Home, str]) -> None:
    calm, disturbed, source = homes
    code, told = adopt(calm, source)
    kill_when(disturbed, source, lambda: count(disturbed, "curation_media") > 0)
    assert 0 < count(disturbed, "curation_media") < COUNT
    kill_when(disturbed, source, lambda: count(disturbed, "curation_annotation") > 0)
    assert 0 < count(disturbed, "curation_annotation") < COUNT
    code_after, told_after = adopt(disturbed, source)
    assert (code, told["problems"]) == (code_after, told_after["problems"])
    assert told_after["unchanged"]["media"] > 0
    assert disturbed.dump() == calm.dump()
    _, out, _ = disturbed.run("check_storage", "--full", "--json", "--limit", "100000")
    named = {row[0] for row in disturbed.rows("SELECT key FROM curation_adoptionfinding")}
    assert {problem["key"] for problem in json.loads(out)["problems"]} <= named
