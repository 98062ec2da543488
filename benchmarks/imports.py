"""A folder taken in by `manage.py ingest`, beside hashing, PUT and INSERT alone by as many threads; then once more.

IMPORT_COUNT: pictures in the folder (10,000, which takes about 4 GB of disk in all).
"""

from __future__ import annotations

import hashlib
import json
import os
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

COUNT = int(os.environ.get("IMPORT_COUNT", "10000"))
PARALLEL = 4
MOST_MEMORY = 300 * 2**20  # bytes


def fill(folder: Path) -> None:
    for number in range(COUNT):
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
        fill(folder)
        bare = store_all(running.environment, folder)
        first, seconds, peak = ingest(running.environment, folder)
        if first["created"] != COUNT:
            raise RuntimeError(f"not all were created: {first}")
        show("hash, PUT and INSERT alone", f"{COUNT / bare:8.1f} files/s")
        show("ingest", f"{COUNT / seconds:8.1f} files/s", verdict(bare / seconds, 0.5, at_least=True))
        show("its memory", f"{peak / 2**20:.0f} MiB", verdict(peak / MOST_MEMORY, 1.0, at_least=False))
        hashing = hash_all(folder)
        again, seconds, peak = ingest(running.environment, folder)
        if again["unchanged"] != COUNT:
            raise RuntimeError(f"not all were known: {again}")
        show("hash alone", f"{COUNT / hashing:8.1f} files/s")
        show("ingest again", f"{COUNT / seconds:8.1f} files/s", verdict(hashing / seconds, 0.5, at_least=True))
        show("its memory", f"{peak / 2**20:.0f} MiB", verdict(peak / MOST_MEMORY, 1.0, at_least=False))
