"""A folder taken in by `manage.py ingest`, beside hashing, PUT and INSERT alone by as many threads; then once more.

IMPORT_COUNT: pictures in the folder (10,000, which takes about 4 GB of disk in all).
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2  # type: ignore[import-untyped]
import urllib3

from benchmarks.flows import RAW_TABLE, picture
from benchmarks.rig import PAGE, ROOT, Service, show, store_client, verdict

ROUNDS = 4
COUNT = int(os.environ.get("IMPORT_COUNT", "10000")) // ROUNDS * ROUNDS
PARALLEL = 4
MOST_MEMORY = 300 * 2**20  # bytes


def fill(folder: Path) -> None:
    for number in range(COUNT // ROUNDS):
        place = folder / f"pyronear_ridge_{number // 500}_2026-06-01T00-00-00" / "images"
        place.mkdir(parents=True, exist_ok=True)
        clock = f"{number // 3600 % 24:02}-{number // 60 % 60:02}-{number % 60:02}"
        (place / f"pyronear_ridge_{number // 500}_2026-06-01T{clock}.jpg").write_bytes(picture())


def files(folder: Path) -> Iterator[Path]:
    return (Path(place) / name for place, _, names in os.walk(folder) for name in names)


def hash_all(folder: Path) -> float:
    started = time.perf_counter()
    for path in files(folder):
        hashlib.sha256(path.read_bytes()).hexdigest()
    return time.perf_counter() - started


class Bare:
    """What each thread of the limit does with a file: read, hash, one presigned PUT, one committed INSERT."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._client = store_client(environment)
        self._pool = urllib3.HTTPConnectionPool(urlsplit(environment["S3_ENDPOINT_URL"]).netloc, maxsize=PARALLEL)
        self._own = threading.local()

    def __call__(self, path: Path) -> None:
        if not hasattr(self._own, "database"):
            self._own.database = psycopg2.connect(self._environment["DATABASE_URL"])
            self._own.database.autocommit = True
        content = path.read_bytes()
        key = f"raw/{hashlib.sha256(content).hexdigest()}"
        url = self._client.generate_presigned_url(
            "put_object", {"Bucket": self._environment["BUCKET_NAME"], "Key": key}
        )
        if self._pool.request("PUT", url[url.index("/", 8) :], body=content).status != 200:
            raise RuntimeError("the store refused a PUT")
        with self._own.database.cursor() as cursor:
            cursor.execute("INSERT INTO raw_limit (key) VALUES (%s)", [key])


def store_all(environment: dict[str, str], folder: Path) -> float:
    with closing(psycopg2.connect(environment["DATABASE_URL"])) as database, database, database.cursor() as cursor:
        cursor.execute(RAW_TABLE)
    started = time.perf_counter()
    with ThreadPoolExecutor(PARALLEL) as threads:
        list(threads.map(Bare(environment), files(folder)))
    return time.perf_counter() - started


def ingest(environment: dict[str, str], folder: Path) -> tuple[dict[str, int], float, int]:
    """What the command says, the seconds it took, and its largest memory in bytes."""
    command = [sys.executable, "manage.py", "ingest", str(folder), "--json", "--parallel", str(PARALLEL)]
    started, peak = time.perf_counter(), 0
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        while process.poll() is None:
            peak = max(peak, _resident(process.pid))
            time.sleep(0.05)
        seconds = time.perf_counter() - started
        said: dict[str, int] = json.loads((process.stdout.read() if process.stdout else b"").splitlines()[-1])
    return said, seconds, peak


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def run(running: Service) -> None:
    with tempfile.TemporaryDirectory(prefix="pyro-imports-") as name:
        folder = Path(name)
        _first(running, folder)
        _again(running, folder)


def _first(running: Service, folder: Path) -> None:
    """A part of the folder each round, taken in by either."""
    bare, ours, peak = 0.0, 0.0, 0
    for number in range(ROUNDS):
        part = folder / f"part-{number}"
        fill(part)
        bare += store_all(running.environment, part)
        said, seconds, memory = ingest(running.environment, part)
        if said["created"] != COUNT // ROUNDS:
            raise RuntimeError(f"not all were created: {said}")
        ours, peak = ours + seconds, max(peak, memory)
    show("hash, PUT and INSERT alone", f"{COUNT / bare:8.1f} files/s")
    show("ingest", f"{COUNT / ours:8.1f} files/s", verdict(bare / ours, 0.5, at_least=True))
    show("its memory", f"{peak / 2**20:.0f} MiB", verdict(peak / MOST_MEMORY, 1.0, at_least=False))


def _again(running: Service, folder: Path) -> None:
    """All of the folder each round."""
    alone, ours, peak = [], [], 0
    for _ in range(ROUNDS):
        alone.append(hash_all(folder))
        said, seconds, memory = ingest(running.environment, folder)
        if said["created"]:
            raise RuntimeError(f"not all were known: {said}")
        ours.append(seconds)
        peak = max(peak, memory)
    bare, median = statistics.median(alone), statistics.median(ours)
    show("hash alone", f"{COUNT / bare:8.1f} files/s")
    show("ingest again", f"{COUNT / median:8.1f} files/s", verdict(bare / median, 0.5, at_least=True))
    show("its memory", f"{peak / 2**20:.0f} MiB", verdict(peak / MOST_MEMORY, 1.0, at_least=False))
