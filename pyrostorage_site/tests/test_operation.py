"""Probes, logs, reports of bugs, and what holds for every answer."""

from __future__ import annotations

import gzip
import http.server
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.middleware.security import SecurityMiddleware
from django.test import Client, RequestFactory

from curation.storage.errors import StoreUnavailable
from pyrostorage_site import probes
from pyrostorage_site.logs import JsonFormatter, current_request_id, without_secrets
from pyrostorage_site.probes import Dependency

ROOT = Path(__file__).resolve().parents[2]


# --- Probes


def test_healthz_asks_neither_database_nor_store(client: Client) -> None:
    answer = client.get("/healthz")  # without the db fixture a query would be an error
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db(transaction=True)
def test_readyz_says_yes_when_database_and_store_answer(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "database": True, "store": True})


@pytest.mark.parametrize("error", [StoreUnavailable("It hangs."), OperationalError("gone"), ValueError("a bug")])
def test_readyz_says_no_without_an_exception_and_yes_again_afterwards(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    broken = True

    def look() -> None:
        if broken:
            raise error

    monkeypatch.setattr(probes, "DEPENDENCIES", (Dependency("store", look),))
    monkeypatch.setattr(probes, "FRESH", 0.0)
    no = client.get("/readyz")
    broken = False
    yes = client.get("/readyz")
    assert (no.status_code, no.json(), no["Retry-After"]) == (503, {"ready": False, "store": False}, "5")
    assert yes.status_code == 200


def test_a_dependency_that_hangs_costs_two_seconds_and_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    release, looks = threading.Event(), []

    def look() -> None:
        looks.append(1)
        release.wait(30)

    monkeypatch.setattr(probes, "PATIENCE", 0.1)
    monkeypatch.setattr(probes, "FRESH", 0.0)
    dependency = Dependency("store", look)
    started = time.monotonic()
    assert [dependency.works() for _ in range(5)] == [False] * 5
    assert time.monotonic() - started < 2
    assert len(looks) == 1
    release.set()
    time.sleep(0.1)
    assert dependency.works()


# --- Logs

SECRETS = [
    "Authorization: Bearer canary-token",
    "https://store/b/media/x.jpg?X-Amz-Credential=canary&X-Amz-Signature=canary&X-Amz-Date=canary",
    "http://localhost:8080/files/media/x.jpg?expires=1&name=x&signature=canary",
    "postgres://pyro:canary@db:5432/pyro",
    "a token pyro_canarycanarycanarycanarycanary",
]


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_never_reaches_the_log(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "%s", (text,), sys.exc_info())
    line = JsonFormatter().format(record)
    assert "canary" not in line
    assert json.loads(line)["level"] == "error"


def test_a_line_without_secrets_stays_as_it_is() -> None:
    assert without_secrets("Refused: File cannot be found on the bucket storage") == (
        "Refused: File cannot be found on the bucket storage"
    )


def test_a_log_line_carries_the_id_of_its_request() -> None:
    mark = current_request_id.set("abc12345")
    line = JsonFormatter().format(logging.LogRecord("x", logging.INFO, __file__, 1, "hello", (), None))
    current_request_id.reset(mark)
    assert json.loads(line)["request_id"] == "abc12345"


@pytest.mark.parametrize(
    ("sent", "kept"), [("abcd-1234.X_y", True), ("short", False), ("x" * 65, False), ("a b c d e f", False)]
)
def test_a_request_id_is_taken_over_only_when_it_is_harmless(client: Client, sent: str, kept: bool) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": sent})
    assert (answer["X-Request-ID"] == sent) is kept
    assert len(answer["X-Request-ID"]) >= 8


# --- Answers that no view gives


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/nothing", "/media/1/nothing", "/files"])
def test_an_unknown_route_is_a_json_404(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


def test_a_host_that_is_not_ours_is_a_json_400(client: Client) -> None:
    answer = client.get("/media", headers={"Host": "evil.example.org"})
    assert (answer.status_code, answer.json()) == (400, {"detail": "The request cannot be read."})


def test_a_bug_is_a_json_500_with_the_request_id_and_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def look() -> None:
        return None

    def boom(self: object) -> bool:
        raise RuntimeError("canary")

    monkeypatch.setattr(probes, "DEPENDENCIES", (Dependency("store", look),))
    monkeypatch.setattr(Dependency, "works", boom)
    answer = Client(raise_request_exception=False).get("/readyz")
    assert answer.status_code == 500
    assert answer.json() == {"detail": "Internal error.", "request_id": answer["X-Request-ID"]}


@pytest.mark.parametrize("path", ["/", "/healthz", "/openapi.json", "/docs", "/redoc", "/nothing", "/admin/login/"])
@pytest.mark.django_db
def test_every_answer_carries_the_safe_headers(client: Client, path: str) -> None:
    answer = client.get(path)
    policy = answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert ("unsafe-inline" in policy) is (path == "/redoc")
    assert "unsafe-eval" not in policy
    assert (
        path == "/openapi.json"
        or answer["Cache-Control"] == "private, no-store"
        or "no-cache" in answer["Cache-Control"]
    )


def test_https_comes_from_the_public_url_and_brings_hsts(rf: RequestFactory, settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 31_536_000
    secure: Any = SecurityMiddleware(lambda request: HttpResponse())(rf.get("/", secure=True))
    assert secure["Strict-Transport-Security"].startswith("max-age=31536000")


# --- Reports of bugs


class Collector(http.server.BaseHTTPRequestHandler):
    received: list[bytes] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.received.append(body)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def sentry() -> Iterator[tuple[str, list[bytes]]]:
    """A server that takes reports; its DSN and what it received."""
    Collector.received = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://public@127.0.0.1:{server.server_port}/1", Collector.received
    server.shutdown()
    thread.join()
    server.server_close()


BUG = """
import django; django.setup()
import sentry_sdk
from django.test import Client
from pyrostorage_site import probes
class Broken:
    name = "store"
    def works(self):
        password = "canary-local"
        raise RuntimeError("Bearer canary-message")
probes.DEPENDENCIES = (Broken(),)
Client(raise_request_exception=False).get(
    "/readyz?X-Amz-Signature=canary-query",
    headers={"Authorization": "Bearer canary-header", "Cookie": "sessionid=canary-cookie", "Host": "localhost"},
)
sentry_sdk.flush()
"""


@pytest.mark.parametrize("with_dsn", [True, False])
def test_bugs_are_reported_only_where_asked_and_without_anything_personal(
    tmp_path: Path,
    sentry: tuple[str, list[bytes]],
    with_dsn: bool,
) -> None:
    dsn, received = sentry
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env = kept | {
        "ENV_FILE": os.devnull,
        "DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "pyrostorage_site.settings",
    }
    (tmp_path / "static").mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", BUG],
        cwd=ROOT, env=env | ({"SENTRY_DSN": dsn} if with_dsn else {}), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr.decode()
    reports = b"".join(received)
    assert (b"RuntimeError" in reports) is with_dsn
    assert b"canary" not in reports
    assert b"canary-header" not in ended.stderr
