"""Where the tests' clients ask hosts instead of this process: every `Client` and `APIClient` alike, one seam.

Django's test clients make a WSGI environment of a request and hand it to `ClientHandler`. Here it is sent over HTTP,
each time to the next host, and the answer comes back as the response that the tests know.
"""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import itertools
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.test.client import ClientHandler

SECONDS = 60.0  # that a test waits for an answer
LONGEST = 8190  # bytes of a header
SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
OF_THE_LINE = {"date", "server", "connection", "transfer-encoding"}  # headers that no application sends
PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


class Unseen:
    """What templates were handed. Django's client asks whether there is any; a test that looks at it is left out."""

    def __bool__(self) -> bool:
        return False

    def __getitem__(self, name: object) -> Any:
        pytest.skip("looks at what a template was handed, which only this process has")

    __iter__ = __contains__ = get = __getitem__


class Answer(HttpResponse):
    """What came over the wire; Django's client adds how it was asked."""

    context = property(lambda answer: Unseen(), lambda answer, value: None)
    wsgi_request: WSGIRequest
    streaming = False

    @property
    def url(self) -> str:
        return self.headers["Location"]

    @property
    def streaming_content(self) -> Iterator[bytes]:
        return iter([self.content])


class ByTurns:
    """Sends each request to the other host."""

    def __init__(self, ports: Sequence[int], at_each: Callable[[], None]) -> None:
        """at_each: is called before a request, and skips the test that only this process could answer."""
        self._ports, self._at_each = ports, at_each
        self._turn = itertools.count()
        self.asked = [0] * len(ports)  # requests to each host

    def ask(self, handler: ClientHandler, environ: dict[str, Any]) -> HttpResponse:
        self._at_each()
        headers = headers_of(environ, is_guarded=handler.enforce_csrf_checks)
        if reason := why_no_line_carries(environ, headers):
            pytest.skip(reason)
        turn = next(self._turn) % len(self._ports)
        self.asked[turn] += 1
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._ports[turn], timeout=SECONDS, source_address=(_address(environ["REMOTE_ADDR"]), 0)
        )
        try:
            _send(connection, environ, headers)
            answer = _answer(connection.getresponse())
            answer.wsgi_request = WSGIRequest(environ)
            return answer
        finally:
            connection.close()

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Meanwhile no client asks this process."""
        with pytest.MonkeyPatch.context() as patch:

            def instead(handler: ClientHandler, environ: dict[str, Any]) -> HttpResponse:
                return self.ask(handler, environ)

            patch.setattr(ClientHandler, "__call__", instead)
            yield


def why_no_line_carries(environ: dict[str, Any], headers: dict[str, str]) -> str:
    """Empty: the application can be asked like this."""
    method, values = environ["REQUEST_METHOD"], "".join(headers.values())
    if environ["wsgi.url_scheme"] != "http":
        return "asks over TLS, which ends at a proxy"
    if method != method.upper() or max(map(len, headers.values())) > LONGEST or {"\r", "\n"} & set(values):
        return "asks what gunicorn refuses, before the application sees it"
    return ""


def _address(told: str) -> str:
    """Another address of a client is another one of this machine's."""
    if told == "127.0.0.1":
        return told
    if ipaddress.ip_address(told).version == 6:
        pytest.skip("asks from an address of IPv6")
    return "127." + ".".join(str(1 + byte % 250) for byte in hashlib.sha256(told.encode()).digest()[:3])


def headers_of(environ: dict[str, Any], *, is_guarded: bool) -> dict[str, str]:
    """The headers of a request as a browser would send them.

    is_guarded: as it is, for tests of the guard; else with the token that any form of ours holds.
    """
    found = {"Host": f"{environ['SERVER_NAME']}"}
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            found[name[5:].replace("_", "-").title()] = str(value)
        elif name in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            found[name.replace("_", "-").title()] = str(value)
    if environ["REQUEST_METHOD"] in SAFE:
        if found.get("Content-Length") == "0":
            del found["Content-Length"]
    elif not is_guarded:
        _add_token(found)
    if not found.get("Cookie"):
        found.pop("Cookie", None)
    return found | {"Connection": "close"}


def _add_token(headers: dict[str, str]) -> None:
    cookies = SimpleCookie(headers.get("Cookie", ""))
    if "csrftoken" not in cookies:
        token = secrets.token_hex(16)
        headers["Cookie"] = "; ".join(filter(None, [headers.get("Cookie", ""), f"csrftoken={token}"]))
        headers["X-Csrftoken"] = token
    else:
        headers["X-Csrftoken"] = cookies["csrftoken"].value


def _send(connection: http.client.HTTPConnection, environ: dict[str, Any], headers: dict[str, str]) -> None:
    path = quote(environ["PATH_INFO"].encode("latin-1"), safe="/~!$&'()*+,;=:@-._")
    query = quote(environ.get("QUERY_STRING", "").encode("latin-1"), safe=PRINTABLE)
    address = f"{path}?{query}" if query else path
    connection.putrequest(environ["REQUEST_METHOD"], address, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value.encode("latin-1"))
    body = environ["wsgi.input"].read()
    with suppress(BrokenPipeError, ConnectionResetError):  # whoever refuses a body early has answered already
        connection.endheaders(body or None)


def _answer(got: http.client.HTTPResponse) -> Answer:
    content = got.read()
    answer = Answer(content, status=got.status, reason=got.reason)
    answer.streaming = got.getheader("Transfer-Encoding") == "chunked"
    del answer.headers["Content-Type"]
    for name, value in got.getheaders():
        if name.lower() == "set-cookie":
            answer.cookies.load(value)
        elif name.lower() not in OF_THE_LINE:
            answer.headers[name] = value
    return answer
