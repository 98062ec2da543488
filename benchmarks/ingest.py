"""Pictures of 100 kB by direct upload: one at a time, and in batches, beside PUTs with no service in between."""

from __future__ import annotations

import hashlib
import os
import statistics
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import psycopg2  # type: ignore[import-untyped]
import urllib3

from benchmarks.flows import RAW_TABLE, picture
from benchmarks.rig import Caller, Service, Work, hammer, show, store_client, verdict

SECONDS, ROUNDS = 8.0, 3
BATCHES = (20, 100)  # pictures of one batch; 100 is the most that one request takes
BOUND = 0.60


def raw(environment: dict[str, str]) -> Work:
    """The limit: a presigned PUT over a kept connection and a committed INSERT, no web server."""

    def begin() -> Callable[[], None]:
        client = store_client(environment)
        send = Sender()
        database = psycopg2.connect(environment["DATABASE_URL"])
        database.autocommit = True
        cursor = database.cursor()

        def step() -> None:
            key = f"raw/{os.urandom(16).hex()}"
            url = client.generate_presigned_url("put_object", {"Bucket": environment["BUCKET_NAME"], "Key": key})
            send(url, picture(), {})
            cursor.execute("INSERT INTO raw_limit (key) VALUES (%s)", [key])

        return step

    return begin


class Sender:
    """PUTs by links, over kept connections."""

    def __init__(self) -> None:
        self.pools: dict[str, urllib3.HTTPConnectionPool] = {}

    def __call__(self, url: str, content: bytes, headers: dict[str, str]) -> None:
        address = urlsplit(url)
        if address.netloc not in self.pools:
            self.pools[address.netloc] = urllib3.HTTPConnectionPool(address.netloc, maxsize=1)
        answer = self.pools[address.netloc].request("PUT", f"{address.path}?{address.query}", content, headers=headers)
        if answer.status != 200:
            raise RuntimeError(f"the store answered {answer.status}")


def asked(content: bytes) -> dict[str, Any]:
    return {"name": "ridge.jpg", "size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "type": "image"}


def one_by_one(running: Service) -> Work:
    """Begin, PUT, complete: two calls of ours for each picture."""

    def begin() -> Callable[[], None]:
        caller, send = Caller(running), Sender()

        def step() -> None:
            content = picture()
            row = caller.post("/uploads", asked(content))
            send(row["put"]["url"], content, row["put"]["headers"])
            caller.post(f"/uploads/{row['id']}/complete", {})

        return step

    return begin


def in_batches(running: Service, count: int) -> Work:
    """Two calls of ours for `count` pictures."""

    def begin() -> Callable[[], None]:
        caller, send = Caller(running), Sender()

        def step() -> None:
            contents = [picture() for _ in range(count)]
            rows = caller.post("/uploads/batch", {"uploads": [asked(content) for content in contents]})["uploads"]
            for row, content in zip(rows, contents, strict=True):
                send(row["put"]["url"], content, row["put"]["headers"])
            done = caller.post("/uploads/batch/complete", {"ids": [row["id"] for row in rows]})["uploads"]
            if failed := [row for row in done if row["status"] != 200]:
                raise RuntimeError(f"{failed[0]}")

        return step

    return begin


def uploads(running: Service) -> None:
    """Interleaved, ROUNDS times; medians."""
    with (
        closing(psycopg2.connect(running.environment["DATABASE_URL"])) as database,
        database,
        database.cursor() as cursor,
    ):
        cursor.execute(RAW_TABLE)
    contenders: dict[str, tuple[Work, int]] = {
        "raw limit": (raw(running.environment), 1),
        "direct upload": (one_by_one(running), 1),
        **{f"direct uploads, {count} a batch": (in_batches(running, count), count) for count in BATCHES},
    }
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, (work, pictures) in contenders.items():
            before = running.cpu_seconds()
            measured = hammer(work, SECONDS)
            sent = len(measured.durations) * pictures
            rates[name].append(measured.closed_rate * pictures)
            costs[name].append((running.cpu_seconds() - before) / max(1, sent))
    limit = statistics.median(rates["raw limit"])
    for name in contenders:
        rate, cost = statistics.median(rates[name]), statistics.median(costs[name])
        is_ours = name != "raw limit"
        value = f"{rate:8.1f}/s" + (f" {cost * 1000:6.2f} ms CPU each" if is_ours else "")
        show(name, value, verdict(rate / limit, BOUND, at_least=True) if is_ours else "")


def run(running: Service) -> None:
    uploads(running)
