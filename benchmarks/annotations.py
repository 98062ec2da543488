"""Labels that are given a meaning: a COCO file of a million boxes, beside bare INSERTs of the same rows.

The rows that the import has made are read again, given other ids, and inserted a thousand at a time, in transactions
of as many pictures, into the same tables with their constraints and indexes.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg2  # type: ignore[import-untyped]
from psycopg2.extras import execute_values  # type: ignore[import-untyped]

from benchmarks.rig import PAGE, ROOT, Service, family, show, verdict

BOXES = int(os.environ.get("ANNOTATION_BOXES", "1000000"))
EACH = 10  # boxes of a picture
PICTURES = BOXES // EACH
TOGETHER = 500  # pictures of a transaction
AT_ONCE = 1000  # rows of an INSERT
SHIFT = 1_000_000_000  # between the ids of both
MOST_MEMORY, MOST_OF_PARSER = 300 * 2**20, 64 * 2**20  # bytes
MEDIA = """
INSERT INTO curation_media (id, type, file, sha256, content_type, original_name, name_folded, captured_basis, source,
  camera, sequence, import_identity, created_at, updated_at, version)
SELECT n + %s, 'image', '', '', '', %s || n || '.jpg', %s || n || '.jpg', 'none', '', '', '', '', now(), now(), 1
FROM generate_series(1, %s) n
"""


@dataclass(frozen=True)
class Table:
    """shifted: columns that are ids of rows which both have."""

    name: str
    owner: str  # column that says whose picture it is
    shifted: tuple[str, ...]


TABLES = (
    Table("curation_annotation", "id", ("id", "media_id", "current_id")),
    Table("curation_annotationrevision", "annotation_id", ("id", "annotation_id")),
    Table("curation_region", "annotation_id", ("id", "revision_id", "annotation_id", "media_id")),
    Table("accounts_auditentry", "row_id", ("id", "row_id")),
    Table("curation_importitem", "annotation_id", ("id", "run_id", "media_id", "annotation_id")),
)


def coco(file: IO[str]) -> None:
    """Pictures of ten boxes each."""
    file.write('{"categories": [{"id": 7, "name": "smoke"}], "images": [')
    for n in range(1, PICTURES + 1):
        file.write(f'{"," * (n > 1)}{{"id": {n}, "file_name": "frame-{n}.jpg", "width": 1280, "height": 720}}')
    file.write('], "annotations": [')
    for n in range(BOXES):
        box = [n % 1000, n % 600, 20 + n % 37, 10 + n % 23]
        said = {"id": n, "image_id": n // EACH + 1, "category_id": 7, "bbox": box, "iscrowd": 0}
        file.write("," * (n > 0) + json.dumps(said))
    file.write("]}")


def take(environment: dict[str, str], path: Path) -> tuple[dict[str, int], float, int, int]:
    """What the command says, the seconds it took, and the largest memory in bytes: its own, and of its parser."""
    command = [sys.executable, "manage.py", "import_annotations", str(path), "--mapping", "smoke=smoke", "--json"]
    started, own, parser = time.perf_counter(), 0, 0
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        while process.poll() is None:
            own = max(own, _resident(process.pid))
            parser = max([parser, *map(_resident, _children(process.pid))])
            time.sleep(0.2)
        seconds = time.perf_counter() - started
        said: dict[str, int] = json.loads((process.stdout.read() if process.stdout else b"").splitlines()[-1])
    return said, seconds, own, parser


def _children(pid: int) -> list[int]:
    try:
        return family(pid)[1:]
    except OSError:
        return []


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


class Bare:
    """The same rows again."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self._columns = {table.name: self._columns_of(table) for table in TABLES}

    def _columns_of(self, table: Table) -> list[tuple[str, str]]:
        with self._database.cursor() as cursor:
            cursor.execute(
                "SELECT column_name, data_type FROM information_schema.columns "
                "WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position",
                [table.name],
            )
            return [(str(name), str(kind)) for name, kind in cursor.fetchall()]

    def read(self, file: IO[bytes], run: int) -> None:
        """Write the rows of all pictures to disk, with the ids of their twins, a transaction's at a time."""
        with self._database.cursor() as cursor:
            ends = "SELECT min(annotation_id), max(annotation_id) FROM curation_importitem WHERE run_id = %s"
            cursor.execute(ends, [run])
            first, last = cursor.fetchone()
            for start in range(first, last + 1, TOGETHER):
                end = min(start + TOGETHER - 1, last)
                pickle.dump({table.name: self._rows(cursor, table, start, end) for table in TABLES}, file)

    def _rows(self, cursor: Any, table: Table, first: int, last: int) -> list[tuple[Any, ...]]:
        wanted = [
            f"{name} + {SHIFT}" if name in table.shifted else f'"{name}"::text' if kind == "jsonb" else f'"{name}"'
            for name, kind in self._columns[table.name]
        ]
        only = " AND action = 'annotation.import'" if table.name == "accounts_auditentry" else ""
        cursor.execute(
            f"SELECT {', '.join(wanted)} FROM {table.name} WHERE {table.owner} BETWEEN %s AND %s{only}",  # nosec B608
            [first, last],
        )
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def insert(self, file: IO[bytes]) -> float:
        """Seconds that INSERT and COMMIT take."""
        seconds = 0.0
        for batch in _batches(file):
            started = time.perf_counter()
            with self._database, self._database.cursor() as cursor:
                for table in TABLES:
                    self._insert(cursor, table, batch[table.name])
            seconds += time.perf_counter() - started
        return seconds

    def _insert(self, cursor: Any, table: Table, rows: list[tuple[Any, ...]]) -> None:
        columns = self._columns[table.name]
        template = f"({', '.join('%s::jsonb' if kind == 'jsonb' else '%s' for _, kind in columns)})"
        names = ", ".join(f'"{name}"' for name, _ in columns)
        insert = f"INSERT INTO {table.name} ({names}) VALUES %s"  # nosec B608
        execute_values(cursor, insert, rows, template, page_size=AT_ONCE)


def _batches(file: IO[bytes]) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    file.seek(0)
    while True:
        try:
            yield pickle.load(file)  # nosec B301 - written by this program
        except EOFError:
            return


def run(running: Service) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="pyro-annotations-") as name,
        closing(psycopg2.connect(running.environment["DATABASE_URL"])) as database,
    ):
        path = Path(name) / "boxes.json"
        with path.open("w") as file:
            coco(file)
        with database, database.cursor() as cursor:
            for shift, stem in ((0, "frame-"), (SHIFT, "twin-")):
                cursor.execute(MEDIA, [shift + SHIFT // 2, stem, stem, PICTURES])
        with database.cursor() as cursor:
            database.autocommit = True
            cursor.execute("ANALYZE curation_media")
            database.autocommit = False
        said, seconds, own, parser = take(running.environment, path)
        if said["regions_kept"] != BOXES:
            raise RuntimeError(f"not all were kept: {said}")
        bare = _bare(database, said["run"])
        _show(bare, seconds, own, parser)
        _again(running, path)


def _bare(database: Any, run_id: int) -> float:
    bare = Bare(database)
    with database, database.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE twin AS SELECT * FROM curation_importrun WHERE id = %s", [run_id])
        cursor.execute("UPDATE twin SET id = id + %s", [SHIFT])
        cursor.execute("INSERT INTO curation_importrun SELECT * FROM twin")
    with tempfile.TemporaryFile() as file:
        bare.read(file, run_id)
        database.commit()
        return bare.insert(file)


def _show(bare: float, seconds: float, own: int, parser: int) -> None:
    show("INSERT of the same rows alone", f"{BOXES / bare:8.1f} boxes/s")
    show("import of a COCO file", f"{BOXES / seconds:8.1f} boxes/s", verdict(bare / seconds, 0.5, at_least=True))
    show("its memory", f"{own / 2**20:.0f} MiB", verdict(own / MOST_MEMORY, 1.0, at_least=False))
    show("its parser's memory", f"{parser / 2**20:.0f} MiB", verdict(parser / MOST_OF_PARSER, 1.0, at_least=False))


def _again(running: Service, path: Path) -> None:
    said, seconds, own, _ = take(running.environment, path)
    if said["layers_unchanged"] != PICTURES:
        raise RuntimeError(f"not all were known: {said}")
    show("import again", f"{BOXES / seconds:8.1f} boxes/s")
    show("its memory", f"{own / 2**20:.0f} MiB", verdict(own / MOST_MEMORY, 1.0, at_least=False))
