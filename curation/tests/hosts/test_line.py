"""The seam between the tests' clients and hosts, with hosts that tell what they were asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.test import Client
from rest_framework.test import APIClient

from curation.tests.hosts.line import ByTurns
from curation.tests.pictures import part


class Tells(BaseHTTPRequestHandler):
    def answer(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        asked = {"port": self.connection.getsockname()[1], "from": self.client_address[0], "path": self.path}
        told = asked | {"headers": dict(self.headers), "body": self.rfile.read(size).decode("latin-1")}
        body = json.dumps(told).encode()
        self.send_response(207)
        for line in (
            f"Content-Length: {len(body)}",
            "Content-Type: application/json",
            "Set-Cookie: a=1",
            "Set-Cookie: b=2",
        ):
            self.send_header(*line.split(": "))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815  # the server's names

    def log_message(self, *words: object) -> None:
        """Nobody reads it."""


@contextmanager
def host() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Tells) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_clients_ask_hosts_in_turns_as_they_would_ask_this_process() -> None:
    asked: list[int] = []
    with ExitStack() as stack:
        ports = [stack.enter_context(host()) for _ in range(2)]
        line = ByTurns(ports, lambda: asked.append(1))
        stack.enter_context(line.in_place())
        api = APIClient()
        api.credentials(HTTP_AUTHORIZATION="Bearer x")
        got = api.get("/media/é?limit=2&at=a b", HTTP_IF_MATCH='"1"')
        sent = api.post("/media", {"file": part(b"\xff\x00", "é.jpg")}, format="multipart", REMOTE_ADDR="192.0.2.7")
        page, again = Client(), Client(enforce_csrf_checks=True)
        first, second = page.post("/admin/", {"x": "1"}).json(), again.post("/admin/", {}).json()

        with pytest.raises(pytest.skip.Exception, match="TLS"):
            page.get("/", secure=True)

    assert [one["port"] for one in (got.json(), sent.json(), first, second)] == ports * 2
    assert (len(asked), line.asked) == (5, [2, 2])
    assert (got.status_code, got.cookies["a"].value, got.cookies["b"].value) == (207, "1", "2")
    assert got.json()["path"] == "/media/%C3%A9?limit=2&at=a%20b"
    told = got.json()["headers"]
    assert (told["Authorization"], told["If-Match"], told["Host"]) == ("Bearer x", '"1"', "testserver")
    assert "\xff\x00" in sent.json()["body"]
    assert sent.json()["from"] not in {"127.0.0.1", got.json()["from"]}
    token = first["headers"]["X-Csrftoken"]
    assert first["headers"]["Cookie"] == f"csrftoken={token}"
    assert "X-Csrftoken" not in second["headers"]
    assert not got.context
