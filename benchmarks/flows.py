"""A picture of 100 kB and its label of 2 kB: by four calls, by one, and with no service in between."""

from __future__ import annotations

import io
import os
import statistics
from collections.abc import Callable
from contextlib import closing
from functools import cache
from urllib.parse import urlsplit

import psycopg2  # type: ignore[import-untyped]
import urllib3
from PIL import Image

from benchmarks.rig import Caller, Measured, Service, Work, hammer, show, store_client, verdict

LABEL = 2_000  # bytes
SECONDS, ROUNDS = 8.0, 3
RAW_TABLE = "CREATE TABLE IF NOT EXISTS raw_limit (id bigserial PRIMARY KEY, key text, at timestamptz DEFAULT now())"


@cache
def drawn() -> bytes:
    """A noisy JPEG of about 100 kB."""
    image, out = Image.effect_noise((640, 368), 70), io.BytesIO()
    image.save(out, "JPEG", quality=75)
    return out.getvalue()


def picture() -> bytes:
    """100 kB that were never sent before: the drawn picture with other noise near its end (no 0xFF: a marker)."""
    content = drawn()
    return content[:-64] + os.urandom(32).replace(b"\xff", b"\x00") + content[-32:]


def label() -> bytes:
    return os.urandom(LABEL // 2).hex().encode()


def raw(environment: dict[str, str]) -> Work:
    """The limit: two presigned PUTs over a kept connection and two committed INSERTs, no web server."""

    def begin() -> Callable[[], None]:
        client = store_client(environment)
        pool = urllib3.HTTPConnectionPool(urlsplit(environment["S3_ENDPOINT_URL"]).netloc, maxsize=1)
        database = psycopg2.connect(environment["DATABASE_URL"])
        database.autocommit = True
        cursor = database.cursor()

        def put(content: bytes, prefix: str) -> None:
            key = f"{prefix}/{os.urandom(16).hex()}"
            url = client.generate_presigned_url("put_object", {"Bucket": environment["BUCKET_NAME"], "Key": key})
            answer = pool.request("PUT", url[url.index("/", 8) :], body=content)
            if answer.status != 200:
                raise RuntimeError(f"the store answered {answer.status}")
            cursor.execute("INSERT INTO raw_limit (key) VALUES (%s)", [key])

        def step() -> None:
            put(picture(), "raw")
            put(label(), "raw")

        return step

    return begin


def four_calls(running: Service) -> Work:
    def begin() -> Callable[[], None]:
        caller = Caller(running)

        def step() -> None:
            media = caller.post("/media", {"type": "image"})["id"]
            caller.upload(f"/media/{media}/upload", file=picture())
            annotation = caller.post("/annotations", {"media_id": media})["id"]
            caller.upload(f"/annotations/{annotation}/upload", file=label())

        return step

    return begin


def entries(running: Service) -> Work:
    def begin() -> Callable[[], None]:
        caller = Caller(running)

        def step() -> None:
            caller.upload("/entries", file=picture(), annotation=label())

        return step

    return begin


def run(running: Service) -> None:
    """Interleaved, ROUNDS times; medians."""
    with (
        closing(psycopg2.connect(running.environment["DATABASE_URL"])) as database,
        database,
        database.cursor() as cursor,
    ):
        cursor.execute(RAW_TABLE)
    contenders = {
        "raw limit": (raw(running.environment), 0),
        "four calls": (four_calls(running), 4),
        "one call": (entries(running), 1),
    }
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, (work, calls) in contenders.items():
            before = running.cpu_seconds()
            measured: Measured = hammer(work, SECONDS)
            rates[name].append(measured.rate)
            costs[name].append((running.cpu_seconds() - before) / max(1, len(measured.durations) * max(1, calls)))
    limit = statistics.median(rates["raw limit"])
    bounds = {"four calls": 0.30, "one call": 0.45}
    for name in contenders:
        rate, cost = statistics.median(rates[name]), statistics.median(costs[name])
        value = f"{rate:8.1f}/s" + (f" {cost * 1000:6.2f} ms CPU/req" if name in bounds else "")
        show(name, value, verdict(rate / limit, bounds[name], at_least=True) if name in bounds else "")
