"""Jobs that wait for their store: two workers beside one.

JOBS_COUNT: jobs of each run (1,000, which takes about seven minutes in all).
"""

from __future__ import annotations

import asyncio
import io
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2  # type: ignore[import-untyped]
from PIL import Image

from benchmarks.rig import ROOT, Service, manage, show, verdict

COUNT = int(os.environ.get("JOBS_COUNT", "1000"))
DELAY = 0.2  # seconds that each PUT takes longer
SIZE = (160, 120)  # so small that both small pictures are one and the same object: one PUT for each job
BOUND = 1.8
FORGET = "UPDATE curation_job SET state = 'cancelled', finished_at = now() WHERE state = 'waiting'"
RATE = """
SELECT count(*), count(*) / extract(epoch FROM max(finished_at) - min(started_at)) FROM curation_job
WHERE kind = 'derive' AND state = 'done' AND id > %s
"""


def run(running: Service) -> None:
    """The same number of jobs, with other pictures, for each number of workers."""
    with _slow_puts(running.environment["S3_ENDPOINT_URL"]) as address:
        environment = running.environment | {"S3_ENDPOINT_URL": address}
        one, two = (_rate(running.environment, environment, workers) for workers in (1, 2))
    show(f"{COUNT} jobs with a PUT of {DELAY * 1000:.0f} ms, one worker", f"{one:8.2f}/s")
    show("two workers", f"{two:8.2f}/s", verdict(two / one, BOUND, at_least=True))


def _rate(environment: dict[str, str], slow: dict[str, str], workers: int) -> float:
    """Jobs per second, from the start of the first to the end of the last; all of them have to succeed."""
    with closing(psycopg2.connect(environment["DATABASE_URL"])) as database, database, database.cursor() as cursor:
        cursor.execute(FORGET)
        cursor.execute("SELECT coalesce(max(id), 0) FROM curation_job")
        before = cursor.fetchone()
    _queue(environment)
    command = [sys.executable, "manage.py", "run_worker", "--once"]
    running = [subprocess.Popen(command, cwd=ROOT, env=slow) for _ in range(workers)]
    if sum(worker.wait() != 0 for worker in running):
        raise RuntimeError("a worker failed")
    with closing(psycopg2.connect(environment["DATABASE_URL"])) as database, database.cursor() as cursor:
        cursor.execute(RATE, before)
        done, rate = cursor.fetchone()
    if done != COUNT:
        raise RuntimeError(f"{done} of {COUNT} jobs were done")
    return float(rate)


def _queue(environment: dict[str, str]) -> None:
    """Take in COUNT new pictures, of which small ones are to be made."""
    with tempfile.TemporaryDirectory(prefix="pyro-jobs-") as folder:
        for number in range(COUNT):
            (Path(folder) / f"{number}.jpg").write_bytes(_picture())
        manage(environment, "ingest", folder)


def _picture() -> bytes:
    out = io.BytesIO()
    Image.frombytes("L", SIZE, random.randbytes(SIZE[0] * SIZE[1])).save(out, "JPEG")
    return out.getvalue()


@contextmanager
def _slow_puts(endpoint: str) -> Iterator[str]:
    """The address of a proxy before the store that holds every PUT back for DELAY; other calls pass at once."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    far = urlsplit(endpoint)

    async def serve(near_reader: asyncio.StreamReader, near_writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(far.hostname, far.port)
        await asyncio.gather(_pass_on(near_reader, far_writer), _pass_on(far_reader, near_writer))

    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(serve, "127.0.0.1", 0), loop).result()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A client sends its next request when the last one was answered, so that each begins a piece."""
    try:
        while piece := await reader.read(64 * 1024):
            if piece.startswith(b"PUT "):
                await asyncio.sleep(DELAY)
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()
