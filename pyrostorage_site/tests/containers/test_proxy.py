"""The proxy in front: limits, answers in JSON, and one request for both layers."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy import make_bucket
from pyrostorage_site import testbed
from pyrostorage_site.tests.containers.helpers import (
    ROOT,
    child,
    needs_nginx,
    needs_weed,
    nginx_text,
    wait_until,
)

ECHO = '''
import hashlib, json, os, time

def application(environ, start_response):
    """Tells what arrived; notes each request in a file."""
    path = environ["PATH_INFO"]
    body = environ["wsgi.input"].read() if path != "/early" else b""
    told = {
        "method": environ["REQUEST_METHOD"], "path": path, "query": environ["QUERY_STRING"], "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "headers": {k: v for k, v in environ.items() if k.startswith("HTTP_") or k.startswith("CONTENT_")},
    }
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(json.dumps(told) + "\\n")
    status = "200 OK"
    if path == "/accesses/me":
        known = {"Bearer known": "200 OK", "Bearer may-only-upload": "403 Forbidden"}
        status = known.get(environ.get("HTTP_AUTHORIZATION"), "401 Unauthorized")
    if path == "/slow":
        time.sleep(3)
    if path == "/refused":
        status = "503 Service Unavailable"
    answer = json.dumps(told).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]
'''


@dataclass
class Proxy:
    """The real nginx with the real configuration, in front of the real gunicorn with an application that echoes."""

    port: int
    seen_file: Path
    spool: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def seen(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.seen_file.read_text().splitlines()]

    def talk(self, data: bytes, patience: float = 8) -> bytes:
        """Send raw bytes; return all that comes back until the other side closes or falls silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as line:
            with contextlib.suppress(OSError):
                line.sendall(data)
            return hear(line)


def hear(line: socket.socket) -> bytes:
    heard = b""
    with contextlib.suppress(OSError):
        while piece := line.recv(65536):
            heard += piece
    return heard


def write_configuration(folder: Path, port: int, backend: str, store: str) -> Path:
    """deploy/nginx with addresses, folders and, to save time, patiences replaced, and nothing else."""
    (folder / "spool").mkdir(parents=True)
    text = nginx_text()
    replacements = {
        "daemon off;": "daemon off;\nuser root;" if os.geteuid() == 0 else "daemon off;",
        "pid /tmp/nginx.pid;": f"pid {folder}/nginx.pid;",
        "/spool/": f"{folder}/spool/",
        "/dev/stdout": f"{folder}/access.log",
        "listen 8080;": f"listen 127.0.0.1:{port};",
        "set $backend backend:8080;": f"set $backend {backend};",
        "set $store s3:8333;": f"set $store {store};",
        "client_header_timeout 10s;": "client_header_timeout 1s;",
        "client_body_timeout 10s;": "client_body_timeout 1s;",
        "proxy_read_timeout 60s;": "proxy_read_timeout 2s;",
    }
    for old, new in replacements.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text(text)
    shutil.copy(ROOT / "deploy" / "nginx" / "errors.conf", folder / "errors.conf")
    return folder / "nginx.conf"


@contextlib.contextmanager
def nginx(configuration: Path, port: int) -> Iterator[None]:
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "nginx"
    with child([program, "-e", "stderr", "-c", str(configuration)]):
        wait_until(lambda: requests.get(f"http://127.0.0.1:{port}/-/alive", timeout=5).status_code == 204)
        yield


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("proxy")
    (folder / "echo.py").write_text(ECHO)
    (folder / "seen").touch()
    port, backend = testbed.free_ports(2)
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "pyrostorage_site" / "gunicorn_conf.py")]
    variables = {"HOST": "127.0.0.1", "PORT": str(backend), "WEB_WORKERS": "1", "SEEN": str(folder / "seen")}
    variables["PYTHONPATH"] = f"{ROOT}{os.pathsep}{folder}"
    with child([*command, "echo:application"], cwd=folder, env={"PATH": os.environ["PATH"]} | variables):
        wait_until(lambda: requests.get(f"http://127.0.0.1:{backend}", timeout=5).ok)
        configuration = write_configuration(folder / "nginx", port, f"127.0.0.1:{backend}", "127.0.0.1:1")
        with nginx(configuration, port):
            yield Proxy(port, folder / "seen", folder / "nginx" / "spool")


@pytest.fixture
def quiet(proxy: Proxy) -> Proxy:
    """The proxy, with nothing noted yet."""
    proxy.seen_file.write_text("")
    return proxy


def is_told_in_json(answer: requests.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    assert list(answer.json()) == ["detail"]
    assert answer.headers["Server"] == "nginx"  # and no version


def test_clients_have_ten_seconds_for_headers_and_bodies() -> None:
    assert re.findall(r"client_(header|body)_timeout (\w+);", nginx_text()) == [("header", "10s"), ("body", "10s")]


@needs_nginx
def test_the_backend_hears_the_clients_address_and_no_claims(quiet: Proxy) -> None:
    claims = {
        "X-Forwarded-For": "9.9.9.9",
        "X-Forwarded-Host": "evil",
        "Forwarded": "for=9.9.9.9",
        "X-Real-IP": "9.9.9.9",
    }
    headers = requests.get(f"{quiet.url}/a%2Fb?q=1", headers=claims | {"X-Forwarded-Proto": "https"}).json()["headers"]
    assert headers["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
    assert headers["HTTP_HOST"] == f"127.0.0.1:{quiet.port}"
    assert headers["HTTP_X_FORWARDED_PROTO"] == "https"
    assert not {"HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED", "HTTP_X_REAL_IP"} & set(headers)


@needs_nginx
def test_headers_that_never_end_are_cut_off(quiet: Proxy) -> None:
    begun = time.monotonic()
    quiet.talk(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    assert 0.9 < time.monotonic() - begun < 4
    assert quiet.seen() == []


@needs_nginx
def test_a_body_that_never_ends_is_cut_off_and_the_backend_hears_nothing(quiet: Proxy) -> None:
    begun = time.monotonic()
    quiet.talk(b"POST /media HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nfew")
    assert 0.9 < time.monotonic() - begun < 4
    assert quiet.seen() == []


@needs_nginx
def test_a_slow_body_reaches_the_backend_whole_or_not_at_all(quiet: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", quiet.port), timeout=10) as line:
        line.sendall(b"POST /media HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\n")
        for letter in b"slow":
            assert quiet.seen() == []
            time.sleep(0.3)
            line.sendall(bytes([letter]))
        assert hear(line).startswith(b"HTTP/1.1 200")
    assert [(request["path"], request["size"]) for request in quiet.seen()] == [("/media", 4)]


@needs_nginx
@pytest.mark.parametrize(("size", "status"), [(2 * 2**20, 200), (2 * 2**20 + 1, 413)])
def test_a_body_over_the_limit_is_413_in_json(quiet: Proxy, size: int, status: int) -> None:
    answer = requests.post(f"{quiet.url}/media", data=b"x" * size)
    assert answer.status_code == status
    if status == 413:
        is_told_in_json(answer, 413)
        assert quiet.seen() == []


@needs_nginx
@pytest.mark.parametrize("path", ["/media/1/upload", "/api/v1/annotations/7/upload/", "/entries", "/api/v1/entries"])
def test_files_may_be_larger_on_the_routes_that_take_them(quiet: Proxy, path: str) -> None:
    body = os.urandom(3 * 2**20)
    answer = requests.post(quiet.url + path, data=body)
    assert answer.json()["sha256"] == hashlib.sha256(body).hexdigest()


@needs_nginx
@pytest.mark.parametrize(("bearer", "status"), [("known", 200), ("may-only-upload", 200), ("stranger", 401)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_only_taken_from_those_the_backend_knows(
    quiet: Proxy, bearer: str, status: int, chunked: bool
) -> None:
    body = b"x" * 10_000_000
    data = iter([body]) if chunked else body
    answer = requests.post(f"{quiet.url}/media/1/upload", data=data, headers={"Authorization": f"Bearer {bearer}"})
    assert answer.status_code == status
    assert [request["path"] for request in quiet.seen()] == ["/accesses/me", "/media/1/upload"][
        : 2 if status == 200 else 1
    ]
    if status == 401:
        is_told_in_json(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    else:
        assert answer.json()["size"] == len(body)


@needs_nginx
def test_a_small_chunked_body_arrives_with_its_length(quiet: Proxy) -> None:
    told = requests.post(f"{quiet.url}/media", data=iter([b"in ", b"pieces"])).json()
    assert (told["size"], told["headers"]["CONTENT_LENGTH"]) == (9, "9")
    assert "HTTP_TRANSFER_ENCODING" not in told["headers"]


@needs_nginx
def test_no_body_stays_in_the_spool(quiet: Proxy) -> None:
    requests.post(f"{quiet.url}/entries", data=b"x" * 2**20)
    wait_until(lambda: not [path for path in quiet.spool.rglob("*") if path.is_file()], seconds=3)


GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"


@needs_nginx
@pytest.mark.parametrize(
    ("data", "statuses", "reaching"),
    [
        (POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN, {400}, 0),
        (POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", {400}, 0),
        (POST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", {400}, 0),
        (POST + b"Content-Length: 4, 5\r\n\r\nabcd", {400}, 0),
        (POST + b"Content-Length: +4\r\n\r\nabcd", {400}, 0),
        (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN, {400, 501}, 0),
        (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", {400, 501}, 0),
        (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", {400}, 0),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", {400}, 0),
        (GET + b"X-Nul: a\x00b\r\n\r\n", {400}, 0),
        (b"GET http://other.example/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {400}, 0),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n", {400}, 0),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", {400}, 0),
        (b"GET /..%2f..%2fx HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {400}, 0),
        (GET + b"X-Long: " + b"a" * 65536 + b"\r\n\r\n", {431}, 0),
        (b"GET /" + b"a" * 65536 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414}, 0),
        # Accepted, written anew for the backend, and one request for both.
        (b"GET / HTTP/1.1\nHost: x\nConnection: close\n\n", {200}, 1),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n4;" + b"e" * 1000 + b"\r\nabcd\r\n0\r\n\r\n", {200}, 1),
    ],
)
def test_odd_requests_are_refused_or_one_and_the_same_for_both_layers(
    quiet: Proxy, data: bytes, statuses: set[int], reaching: int
) -> None:
    heard = quiet.talk(data, patience=5)
    answers = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", heard)]
    assert len(answers) == 1
    assert set(answers) <= statuses
    assert len(quiet.seen()) == reaching
    if not reaching:
        assert b"Content-Type: application/json" in heard
        assert b'{"detail": "' in heard


@needs_nginx
def test_folded_headers_and_pipelined_requests_are_the_same_for_both_layers(quiet: Proxy) -> None:
    heard = quiet.talk(GET + b"X-Folded: a\r\n Content-Length: 5\r\n\r\n", patience=2)
    folded = len(quiet.seen())
    assert (heard.startswith(b"HTTP/1.1 400"), folded) in {(True, 0), (False, 1)}
    assert not [request for request in quiet.seen() if request["headers"].get("CONTENT_LENGTH")]
    quiet.seen_file.write_text("")
    heard = quiet.talk(
        b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n" + b"GET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert heard.count(b"HTTP/1.1 200") == 2
    assert [request["path"] for request in quiet.seen()] == ["/one", "/two"]


@needs_nginx
def test_the_backends_own_refusals_stay_as_they_are(quiet: Proxy) -> None:
    answer = requests.get(f"{quiet.url}/refused")
    assert (answer.status_code, answer.json()["path"]) == (503, "/refused")


@needs_nginx
def test_a_backend_that_is_too_slow_is_504_in_json(quiet: Proxy) -> None:
    answer = requests.get(f"{quiet.url}/slow")
    is_told_in_json(answer, 504)
    assert answer.headers["Retry-After"] == "10"


@needs_nginx
def test_the_access_log_keeps_no_query(quiet: Proxy) -> None:
    requests.get(f"{quiet.url}/logged?X-Amz-Signature=abcdef")
    requests.post(f"{quiet.url}/too-large?X-Amz-Signature=abcdef", data=b"x" * (2 * 2**20 + 1))
    log = quiet.spool.parent / "access.log"
    wait_until(lambda: "POST /too-large" in log.read_text(), seconds=3)
    assert '"GET /logged" 200' in log.read_text()
    assert "abcdef" not in log.read_text()


@needs_nginx
def test_a_backend_that_is_away_is_502_in_json(tmp_path: Path) -> None:
    port, nobody = testbed.free_ports(2)
    with nginx(write_configuration(tmp_path / "nginx", port, f"127.0.0.1:{nobody}", f"127.0.0.1:{nobody}"), port):
        for path in ("/", "/media", "/media/1/upload", "/pyro-storage/a?X-Amz-Signature=ab"):
            answer = requests.get(f"http://127.0.0.1:{port}{path}")
            is_told_in_json(answer, 502)
            assert answer.headers["Retry-After"] == "5"
        large = requests.post(f"http://127.0.0.1:{port}/entries", data=b"x" * 10_000_000)
        is_told_in_json(large, 503)
        assert large.headers["Retry-After"] == "10"


@needs_nginx
@needs_weed
def test_links_signed_for_the_proxy_open_the_store_and_nothing_else_does(tmp_path: Path) -> None:
    from curation.storage.bucket import BucketStore

    port = testbed.free_ports(1)[0]
    with testbed.seaweedfs() as server:
        keys = {"accessKey": server.access_key, "secretKey": server.secret_key}
        for _ in range(2):  # safe to repeat
            make_bucket.make_bucket(keys, endpoint=server.endpoint, bucket="pyro-storage")
        store = BucketStore(
            bucket_name="pyro-storage",
            access_key=server.access_key,
            secret_key=server.secret_key,
            region_name="us-east-1",
            endpoint_url=server.endpoint,
            public_endpoint_url=f"http://localhost:{port}",
        )
        assert list(store.walk()) == []
        server.put("/pyro-storage/media/a.jpg", b"picture")
        link = store.signed("media/a.jpg", seconds=60, name="a b.jpg", content_type="image/jpeg")
        with nginx(
            write_configuration(tmp_path / "nginx", port, "127.0.0.1:1", server.endpoint.partition("//")[2]), port
        ):
            fetched = requests.get(link)
            assert (fetched.status_code, fetched.content) == (200, b"picture")
            assert fetched.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
            assert fetched.headers["X-Content-Type-Options"] == "nosniff"
            assert fetched.headers["Content-Type"] == "image/jpeg"
            assert not [name for name in fetched.headers if name.lower().startswith("seaweed")]
            assert requests.get(link, headers={"Range": "bytes=0-2"}).content == b"pic"
            is_told_in_json(requests.get(link.replace("Signature=", "Signature=0")), 403)
            is_told_in_json(requests.get(link, headers={"Host": f"other:{port}"}), 403)
            is_told_in_json(requests.get(link.partition("?")[0]), 404)
            is_told_in_json(requests.put(link, data=b"mine"), 405)
            key, sha256 = "incoming/" + "ab" * 16, hashlib.sha256(b"smoke").hexdigest()
            given = store.put_link(key, size=5, sha256=sha256, seconds=60)
            is_told_in_json(requests.put(given.url, b"smirk", headers=given.headers), 400)
            is_told_in_json(requests.put(given.url.replace("Signature=", "Signature=0"), b"smoke"), 403)
            is_told_in_json(requests.put(given.url.partition("?")[0], b"smoke"), 404)
            is_told_in_json(requests.get(given.url), 405)
            assert requests.put(given.url, b"smoke", headers=given.headers).status_code == 200
            assert store.digest(key) == (sha256, 5)
            part = b"x" * 10_000_000
            opened = store.begin_parts(key)
            assert (
                requests.put(store.part_link(key, opened, 1, size=len(part), seconds=60).url, part).status_code == 200
            )
            assert [found.size for found in store.parts(key, opened)] == [len(part)]
            is_told_in_json(requests.get(f"http://localhost:{port}/pyro-storage/?X-Amz-Signature=ab"), 403)
