"""What holds for every request, whoever answers it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from pyrostorage_site.logs import current_request_id

View = Callable[[HttpRequest], HttpResponse]

POLICY = "Content-Security-Policy"
SPELLING = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestId:
    """Gives each request an id (a proxy's own, when it is harmless) for logs, audit entries and error answers."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request.request_id = given if SPELLING.fullmatch(given) else uuid.uuid4().hex  # type: ignore[attr-defined]
        mark = current_request_id.set(request.request_id)  # type: ignore[attr-defined]
        try:
            _accept_chunks(request)
            response = self.get_response(request)
        finally:
            current_request_id.reset(mark)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response


def _accept_chunks(request: HttpRequest) -> None:
    """Let Django read a body sent in chunks, whose length is not told, when the server ends it reliably.

    Every reader of bodies here has its own limit.
    """
    environ = request.META
    if environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING", "").lower() != "chunked":
        return
    if environ.get("wsgi.input_terminated"):
        environ["CONTENT_LENGTH"] = str(2**62)
        request._stream = environ["wsgi.input"]


class SafeHeaders:
    """Nothing that was made for one person is kept by a cache on the way; all processes say the same."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
            patch_vary_headers(response, ["Authorization", "Cookie"])
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if policy := response.get(POLICY):  # its library writes it in another order in each process
            response[POLICY] = "; ".join(sorted(policy.split("; ")))
        return response
