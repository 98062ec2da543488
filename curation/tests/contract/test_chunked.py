"""Bodies sent in chunks (Transfer-Encoding), whose length nobody tells, through a real gunicorn."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from curation.tests.contract.helpers import multipart
from curation.tests.pictures import picture

ROOT = Path(__file__).resolve().parents[3]
FILE = 'Content-Disposition: form-data; name="file"; filename="a.jpg"'


@dataclass
class Server:
    port: int
    token: str

    def ask(self, method: str, route: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON and headers; an iterable body goes in chunks."""
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            asking.request(method, route, body, {"Authorization": f"Bearer {self.token}"} | named)
            answer = asking.getresponse()
            return answer.status, json.loads(answer.read() or b"null"), dict(answer.getheaders())
        finally:
            asking.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    variables = kept | {"DATA_DIR": str(folder), "ENV_FILE": os.devnull, "PORT": str(port), "IMAGE_MAX_MIB": "1"}

    def manage(*arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=variables, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    manage("migrate", "--verbosity", "0")
    manage("register_user", "tower", "--scope", "device", "--no-password")
    token = manage("create_token", "tower", "mast")
    (folder / "objects").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "gunicorn", "pyrostorage_site.wsgi", "--bind", f"127.0.0.1:{port}"]
    options = ["--worker-class", "gthread", "--threads", "4", "--log-level", "error"]
    with subprocess.Popen([*command, *options], cwd=ROOT, env=variables) as process:
        running = Server(port, token)
        try:
            wait_for(running)
            yield running
        finally:
            process.terminate()


def wait_for(server: Server) -> None:
    for _ in range(150):
        try:
            if server.ask("GET", "/healthz")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("gunicorn did not start.")


def in_pieces(body: bytes, size: int = 700) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def test_json_in_chunks_is_read(server: Server) -> None:
    body = in_pieces(b'{"type": "video", "camera": "mast"}', 5)
    status, row, _ = server.ask("POST", "/media", body, Content_Type="application/json")
    assert (status, row["type"], row["camera"]) == (201, "video", "mast")


def test_a_picture_in_chunks_is_kept(server: Server) -> None:
    _, media, _ = server.ask("POST", "/media", b"{}")
    sent = multipart((FILE, picture(1)))
    route = f"/media/{media['id']}/upload"
    status, row, _ = server.ask("POST", route, in_pieces(sent["data"]), Content_Type=sent["content_type"])
    assert (status, row["size"]) == (200, len(picture(1)))


def test_limits_hold_without_a_length(server: Server) -> None:
    _, media, _ = server.ask("POST", "/media", b"{}")
    sent = multipart((FILE, picture(1) + b"\0" * 1024 * 1024))
    route = f"/media/{media['id']}/upload"
    body = in_pieces(sent["data"], 64 * 1024)
    status, answer, _ = server.ask("POST", route, body, Content_Type=sent["content_type"])
    assert (status, answer) == (413, {"detail": "The file is larger than 1 MiB."})
    long = in_pieces(b'{"camera": "' + b"x" * 1024 * 1024 + b'"}', 64 * 1024)
    assert server.ask("POST", "/media", long, Content_Type="application/json")[0] == 413


def test_the_server_does_not_say_which_version_it_is(server: Server) -> None:
    _, _, headers = server.ask("GET", "/healthz")
    assert not any(character.isdigit() for character in headers.get("Server", ""))


def test_a_lower_case_method_is_refused(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(b"get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: +5\r\n",
    ],
)
def test_a_body_of_doubtful_length_is_never_guessed_at(server: Server, framing: bytes) -> None:
    """B43."""
    head = b"POST /media HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + server.token.encode() + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(head + framing + b"\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        status = int(raw.recv(4096).split()[1])
    assert status in {400, 411, 413, 422, 501}
