"""Near-duplicates among 10,000, 100,000 and 1,000,000 pictures, found everywhere by two workers.

Of a thousand pictures that a camera sends, twenty each show one scene; every fiftieth of all is a dark frame, which
looks like any other one. CLUSTERS_MOST: how many to go up to (1,000,000, which takes about ten minutes).
"""

from __future__ import annotations

import io
import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]

from benchmarks.lists import run as execute
from benchmarks.lists import without_indexes
from benchmarks.rig import ROOT, TICKS, family, manage, show, verdict

MOST = int(os.environ.get("CLUSTERS_MOST", "1000000"))
COUNTS = [count for count in (10_000, 100_000, 1_000_000) if count <= MOST]
WORKERS = 2
LONGEST = 300.0  # seconds for a million
LOOK_EVERY = 0.5  # seconds
OF_CAMERA, OF_SCENE, DARK = 1000, 20, 50  # pictures; one in so many
CAMERAS = """
INSERT INTO curation_camera (name, name_folded, timezone, created_at, updated_at, version)
SELECT 'camera ' || n, 'camera ' || n, 'UTC', now(), now(), 1 FROM generate_series(1, %(cameras)s) AS n
"""
VIEWS = """
INSERT INTO curation_view (camera_id, azimuth, created_at, updated_at, version)
SELECT id, 0, now(), now(), 1 FROM curation_camera ORDER BY id
"""
MEDIA = """
INSERT INTO curation_media (type, file, sha256, size, content_type, original_name, name_folded, captured_at,
  captured_basis, source, camera, sequence, import_identity, light, view_id, taken_by_id,
  created_at, updated_at, version)
SELECT 'image', 'media/' || n || '.jpg', lpad(n::text, 64, '0'), 100000, 'image/jpeg', '', '',
  timestamptz '2024-01-01' + n * interval '30 s', 'client', '', '', '', '', '', 1 + (n - 1) / %(of_camera)s,
  1 + (n - 1) / %(of_camera)s, now(), now(), 1
FROM generate_series(1, %(count)s) AS n
"""
DUE = """
INSERT INTO curation_comparisondue (media_id, is_global) SELECT media_id, false FROM curation_fingerprint ORDER BY 1;
INSERT INTO curation_comparisondue (media_id, is_global) SELECT media_id, true FROM curation_fingerprint ORDER BY 1
"""
COPY = "COPY curation_fingerprint (media_id, media_sha256, dhash64, dhash256, band0, band1, band2, band3) FROM STDIN"
TABLES = ("curation_media", "curation_fingerprint", "curation_comparisondue")


def compare(variables: dict[str, str]) -> None:
    before = 0.0
    for count in COUNTS:
        seconds, cpu, report = _measured(variables, count)
        per_step = cpu / (count * math.log2(count))
        show(
            f"{count:,} fingerprints, {WORKERS} workers",
            f"{seconds:8.1f} s, {cpu:.1f} s CPU",
            verdict(per_step / before, 1.2, at_least=False) if before else "",
        )
        show("", f"{report['clusters']:,} clusters", f"{report['joined']:,} media, {report['crowds']} crowds")
        before = per_step
        if count == 1_000_000:
            show("all of them", f"{seconds:8.1f} s", verdict(seconds / LONGEST, 1.0, at_least=False))


def _measured(variables: dict[str, str], count: int) -> tuple[float, float, dict[str, Any]]:
    """Seconds until the search has ended, processor seconds of command, workers and PostgreSQL, and what was found."""
    url, name = variables["DATABASE_URL"], f"clusters_{count}"
    execute(url, f"CREATE DATABASE {name}")
    with tempfile.TemporaryDirectory(prefix="pyro-clusters-") as folder:
        own = variables | {"DATABASE_URL": f"{url.rpartition('/')[0]}/{name}", "DATA_DIR": folder, "LOG_LEVEL": "ERROR"}
        environment = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "CHORES": "0"} | own
        manage(environment, "migrate")
        _fill(own["DATABASE_URL"], count)
        used, started = _used(own["DATABASE_URL"]), time.perf_counter()
        manage(environment, "find_duplicates", "--global", "--jobs", "--json")
        workers = [_worker(environment) for _ in range(WORKERS)]
        try:
            while not (report := _report(own["DATABASE_URL"])):
                time.sleep(LOOK_EVERY)
            seconds = time.perf_counter() - started
        finally:
            for worker in workers:
                worker.terminate()
            codes = [worker.wait() for worker in workers]
        cpu = _used(own["DATABASE_URL"]) - used
        execute(url, f"DROP DATABASE {name} WITH (FORCE)")
    if any(codes):
        raise RuntimeError("a worker failed")
    return seconds, cpu, report


def _worker(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "manage.py", "run_worker"], cwd=ROOT, env=environment)


def _report(url: str) -> dict[str, Any]:
    """Of the search, when it has come to its end. Raises RuntimeError when a job of it has failed."""
    if execute(url, "SELECT 1 FROM curation_job WHERE state IN ('failed', 'dead') OR error <> ''"):
        raise RuntimeError("a job failed")
    [(told,)] = execute(url, "SELECT report FROM curation_duplicatesearch")
    report: dict[str, Any] = json.loads(told) if isinstance(told, str) else told
    return report


def _used(url: str) -> float:
    """Processor seconds so far: of our children that have ended, and of PostgreSQL."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime + _used_by_postgres(url)


def _used_by_postgres(url: str) -> float:
    with closing(psycopg2.connect(url)) as database:
        server = int(_stat(database.info.backend_pid)[1])
        return sum(sum(map(int, _stat(pid)[11:15])) for pid in family(server)) / TICKS


def _stat(pid: int) -> list[str]:
    """What /proc tells of a process, from its state on: [1] its parent, [11:15] its ticks and those of its dead."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _fill(url: str, count: int) -> None:
    execute(url, CAMERAS, cameras=math.ceil(count / OF_CAMERA))
    execute(url, VIEWS)
    with without_indexes(url, "curation_media"):
        execute(url, MEDIA, count=count, of_camera=OF_CAMERA)
    with without_indexes(url, "curation_fingerprint"), closing(psycopg2.connect(url)) as database:
        draw = _Draw(count)
        with database, database.cursor() as cursor:
            for first in range(1, count + 1, 50_000):
                lines = "".join(draw.line(media) for media in range(first, min(first + 50_000, count + 1)))
                cursor.copy_expert(COPY, io.StringIO(lines))
    execute(url, DUE)
    for table in TABLES:
        execute(url, f"VACUUM ANALYZE {table}")


class _Draw:
    """Fingerprints as cameras make them, the same ones every time."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._camera = self._scene = (0, 0)

    def line(self, media: int) -> str:
        """A row of COPY."""
        if media % OF_CAMERA == 1:
            self._camera = self._random.getrandbits(64), self._random.getrandbits(256)
        if media % OF_SCENE == 1:
            self._scene = self._flipped(self._camera, 6, 40)
        is_dark = media % DARK == 0
        short, long = self._flipped((0, 0), 2, 8) if is_dark else self._flipped(self._scene, 1, 3)
        bands = "\t".join(str(short >> 48 - 16 * n & 0xFFFF) for n in range(4))
        signed = short - (1 << 64) if short >> 63 else short
        return f"{media}\t{media:064d}\t{signed}\t\\\\x{long:064x}\t{bands}\n"

    def _flipped(self, looks: tuple[int, int], of_short: int, of_long: int) -> tuple[int, int]:
        """With up to so many bits the other way round."""
        short, long = looks
        for _ in range(self._random.randint(0, of_short)):
            short ^= 1 << self._random.randrange(64)
        for _ in range(self._random.randint(0, of_long)):
            long ^= 1 << self._random.randrange(256)
        return short, long
