"""Lists of a million rows beside lists of a thousand: the same page must cost the same."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg2  # type: ignore[import-untyped]

from benchmarks.rig import Caller, Service, latency, service, show, verdict

SMALL, LARGE = 1_000, 1_000_000  # rows
ROUNDS, CALLS = 3, 60
PAGE = 50
ROWS = """
INSERT INTO curation_media (type, file, sha256, size, content_type, original_name, name_folded, width, height,
  captured_at, captured_basis, source, camera, sequence, import_identity, owner_id, created_at, updated_at, version)
SELECT 'image', 'media/' || md5(n::text) || '.jpg', md5(n::text) || md5((-n)::text), 100000, 'image/jpeg', '', '',
  1280, 720,
  now() - n * interval '30 s', 'client', '', 'camera ' || n %% 217, '', '', %s,
  now() - (%s - n) * interval '1 s', now() - (%s - n) * interval '1 s', 2
FROM generate_series(1, %s) AS n
"""


@contextmanager
def filled(variables: dict[str, str], rows: int) -> Iterator[Service]:
    """A service on a database of its own with so many media of its device."""
    url, name = variables["DATABASE_URL"], f"rows_{rows}"
    run(url, f"CREATE DATABASE {name}")
    own = variables | {"DATABASE_URL": f"{url.rpartition('/')[0]}/{name}"}
    with service(own) as running:
        owner = run(own["DATABASE_URL"], "SELECT id FROM accounts_access WHERE login = 'tower'")[0][0]
        run(own["DATABASE_URL"], ROWS, owner, rows, rows, rows)
        run(own["DATABASE_URL"], "VACUUM ANALYZE curation_media")
        yield running


def run(url: str, sql: str, *values: object) -> list[tuple[int, ...]]:
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
        deep = LARGE - 10_000 * PAGE
        pages: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "API, first page": (getter(small, "/media"), getter(large, "/media")),
            "API, page 10,000": (getter(small, f"/media?before={SMALL // 2}"), getter(large, f"/media?before={deep}")),
            "API, uploaded since": (
                getter(small, "/media?uploaded=true&created_from=2000-01-01T00:00:00Z"),
                getter(large, "/media?uploaded=true&created_from=2000-01-01T00:00:00Z"),
            ),
        }
        for name, (few, many) in pages.items():
            seconds = [(latency(few, CALLS), latency(many, CALLS)) for _ in range(ROUNDS)]
            of_few, of_many = (statistics.median(pair[side] for pair in seconds) for side in (0, 1))
            show(
                name,
                f"{of_many * 1000:.2f} ms ({of_few * 1000:.2f} ms)",
                verdict(of_many / of_few, 1.2, at_least=False),
            )


def getter(running: Service, path: str) -> Callable[[], object]:
    caller = Caller(running)

    def get() -> object:
        status, body = caller.get(path)
        if status != 200:
            raise RuntimeError(f"{path} answered {status}")
        return body

    return get
