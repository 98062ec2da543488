"""Lists of a million rows beside lists of a thousand: the same page must cost the same."""

from __future__ import annotations

import contextlib
import http.client
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

import psycopg2  # type: ignore[import-untyped]

from benchmarks.rig import ROOT, Caller, Service, latency, service, show, verdict

SMALL, LARGE = 1_000, 1_000_000  # rows
CALLS = {"API": 90, "Admin": 30}  # of each page, one here and one there in turn
PAGE = 50
SINCE = "uploaded=true&created_from=2000-01-01T00:00:00Z"
ADMIN_LISTS = {
    "media": "/admin/curation/media/",
    "annotations": "/admin/curation/annotation/",
    "revisions": "/admin/curation/annotationrevision/",
    "objects": "/admin/curation/storedobject/",
    "audit": "/admin/accounts/auditentry/",
}
# Each table gets the same number of rows; one in ten thousand is of a rare kind. %(owner)s has sent them all.
ROWS = {
    "accounts_organisation": """
INSERT INTO accounts_organisation (name, name_folded, created_at) VALUES ('Forest Watch', 'forest watch', now())
""",
    "curation_media": """
INSERT INTO curation_media (type, file, sha256, size, content_type, original_name, name_folded, width, height,
  captured_at, captured_basis, source, camera, sequence, light, import_identity, owner_id, organisation_id,
  created_at, updated_at, version)
SELECT CASE WHEN n %% 10000 = 1 THEN 'video' ELSE 'image' END,
  CASE WHEN n %% 10000 = 2 THEN '' ELSE 'media/' || md5(n::text) || '.jpg' END,
  CASE n %% 10000 WHEN 2 THEN '' WHEN 6 THEN '00000000' || substr(md5(n::text) || md5((-n)::text), 9)
    ELSE md5(n::text) || md5((-n)::text) END,
  CASE WHEN n %% 10000 = 2 THEN NULL ELSE 100000 END, 'image/jpeg', n || '.jpg',
  CASE WHEN n %% 10000 = 5 THEN '00000000.jpg' ELSE n || '.jpg' END, 1280, 720,
  now() - n * interval '30 s', 'client', '',
  CASE WHEN n %% 10000 = 4 THEN '00000000' ELSE 'camera ' || n %% 217 END, '', '', '', %(owner)s,
  CASE WHEN n %% 10000 = 3 THEN (SELECT min(id) FROM accounts_organisation) END,
  now() - (%(rows)s - n) * interval '1 s', now() - (%(rows)s - n) * interval '1 s', 2
FROM generate_series(1, %(rows)s) AS n
""",
    "curation_annotation": """
INSERT INTO curation_annotation (media_id, file, sha256, size, content_type, format, state, origin, is_truth,
  model_name, model_version, regions_count, owner_id, created_at, updated_at, version)
SELECT id, 'annotations/' || md5(id::text) || '.txt', md5(id::text) || md5((-id)::text), 500, 'text/plain',
  CASE WHEN id %% 10000 = 1 THEN 'voc' ELSE 'yolo' END, CASE WHEN id %% 10000 = 2 THEN 'problem' ELSE 'stored' END,
  CASE WHEN id %% 10000 = 3 THEN 'prediction' ELSE 'imported' END, false, '', '', 0, owner_id, created_at, updated_at, 2
FROM curation_media ORDER BY id
""",
    "curation_annotationrevision": """
INSERT INTO curation_annotationrevision (annotation_id, number, file, sha256, size, content_type, format, author_id,
  author_login, origin, is_truth, note, regions_sha256, created_at)
SELECT id, 1, file, sha256, size, content_type, format, owner_id, 'tower',
  CASE WHEN id %% 10000 = 4 THEN 'human' ELSE 'imported' END, false, '', '', created_at
FROM curation_annotation ORDER BY id
""",
    "curation_storedobject": """
INSERT INTO curation_storedobject (key, sha256, size, content_type, state, touched_at, created_at)
SELECT file, sha256, size, content_type, CASE WHEN id %% 10000 = 5 THEN 'damaged' ELSE 'ready' END, created_at,
  created_at FROM curation_annotation ORDER BY id
""",
    "accounts_auditentry": """
INSERT INTO accounts_auditentry (at, actor_id, actor_login, door, action, "table", row_id, after, request_id)
SELECT created_at, owner_id, 'tower', CASE WHEN id %% 10000 = 6 THEN 'command' ELSE 'api' END, 'media.create',
  'media', id, '{"type": "image"}', '' FROM curation_media ORDER BY id
""",
}
Pages = dict[str, tuple[Callable[[], object], Callable[[], object]]]


@contextlib.contextmanager
def filled(variables: dict[str, str], rows: int, tables: dict[str, str] = ROWS) -> Iterator[Service]:
    """A service on a database of its own with so many rows of its device in each big table.

    tables: the statement that fills each, in this order; it may name %(rows)s and %(owner)s.
    """
    url, name = variables["DATABASE_URL"], f"rows_{rows}"
    run(url, f"CREATE DATABASE {name}")
    own = variables | {"DATABASE_URL": f"{url.rpartition('/')[0]}/{name}"}
    with service(own) as running:
        owner = run(own["DATABASE_URL"], "SELECT id FROM accounts_access WHERE login = 'tower'")[0][0]
        for table, sql in tables.items():
            with without_indexes(own["DATABASE_URL"], table):
                run(own["DATABASE_URL"], sql, rows=rows, owner=owner)
            run(own["DATABASE_URL"], f"VACUUM ANALYZE {table}")
        yield running


@contextlib.contextmanager
def without_indexes(url: str, table: str) -> Iterator[None]:
    """Building indexes of many rows at once takes a fraction of the time that adding row by row takes."""
    found = run(
        url,
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indrelid = %(table)s::regclass AND NOT indisunique",
        table=table,
    )
    for name, _ in found:
        run(url, f"DROP INDEX {name}")
    yield
    for _, definition in found:
        run(url, definition)


def run(url: str, sql: str, **values: object) -> list[tuple[Any, ...]]:
    database = psycopg2.connect(url)
    database.autocommit = True
    try:
        with database.cursor() as cursor:
            cursor.execute(sql, values or None)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        database.close()


def compare(variables: dict[str, str]) -> None:
    with filled(variables, SMALL) as small, filled(variables, LARGE) as large:
        for name, (few, many) in pages_of(small, large).items():
            seconds = [(latency(few, 1), latency(many, 1)) for _ in range(CALLS[name.split(",")[0]])]
            of_few, of_many = (statistics.median(pair[side] for pair in seconds) for side in (0, 1))
            show(
                name,
                f"{of_many * 1000:.2f} ms ({of_few * 1000:.2f} ms)",
                verdict(of_many / of_few, 1.2, at_least=False),
            )
        explain(large)


def pages_of(small: Service, large: Service) -> Pages:
    """What is compared, by name: the page of the small database and the same one of the large."""
    middle, deep = SMALL // 2, LARGE - 10_000 * PAGE
    few, many = Caller(small), Caller(large)
    pages: Pages = {
        "API, first page": (getter(few, "/media"), getter(many, "/media")),
        "API, page 10,000": (getter(few, f"/media?before={middle}"), getter(many, f"/media?before={deep}")),
        "API, uploaded since": (getter(few, f"/media?{SINCE}"), getter(many, f"/media?{SINCE}")),
    }
    few, many = Browser(small), Browser(large)
    for name, path in ADMIN_LISTS.items():
        pages[f"Admin, {name}, first page"] = getter(few, path), getter(many, path)
        pages[f"Admin, {name}, page 10,000"] = (
            getter(few, f"{path}?p=before-{middle}"),
            getter(many, f"{path}?p=before-{deep}"),
        )
    return pages


def getter(caller: Caller, path: str) -> Callable[[], object]:
    def get() -> object:
        with contextlib.suppress(http.client.RemoteDisconnected):  # the server ends connections that were idle
            return answer()
        return answer()

    def answer() -> object:
        status, body = caller.get(path)
        if status != 200:
            raise RuntimeError(f"{path} answered {status}")
        return body

    return get


class Browser(Caller):
    """A client in which the admin has logged in to the workbench."""

    def __init__(self, running: Service) -> None:
        super().__init__(running)
        self.cookies: SimpleCookie = SimpleCookie()
        _, form = self.call("GET", "/admin/login/")
        [proof] = re.findall(rb'name="csrfmiddlewaretoken" value="(\w+)"', form)
        fields = {"username": "root", "password": running.admin_password, "csrfmiddlewaretoken": proof.decode()}
        status, _ = self.call("POST", "/admin/login/", urlencode(fields).encode(), "application/x-www-form-urlencoded")
        if status != 302:
            raise RuntimeError(f"The login of the workbench answered {status}.")

    def call(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json"
    ) -> tuple[int, bytes]:
        sent = "; ".join(f"{name}={one.value}" for name, one in self.cookies.items())
        self.connection.request(method, path, body, {"Cookie": sent, "Content-Type": kind})
        answer = self.connection.getresponse()
        for header in answer.headers.get_all("Set-Cookie", []):
            self.cookies.load(header)
        return answer.status, answer.read()


def explain(running: Service) -> None:
    """Print how PostgreSQL answers each filter and search. Ends the program when it reads a big table whole."""
    sys.stdout.write("\nplans\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "benchmarks.plans"]
    ended = subprocess.run(command, check=False, cwd=ROOT, env=running.environment)
    if ended.returncode:
        raise SystemExit(ended.returncode)
