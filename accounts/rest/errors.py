"""Every refusal of the API is JSON `{"detail": ...}` with the status of contract.md; never a traceback."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import DatabaseError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions as drf
from rest_framework.response import Response

from accounts import refusals
from accounts.outages import is_outage
from accounts.rest.requests import request_id

log = logging.getLogger(__name__)

STATUS: dict[type[Exception], int] = {
    refusals.NotAuthenticated: 401,
    refusals.ScopeRefused: 403,
    refusals.NotYours: 403,
    refusals.Missing: 404,
    refusals.Conflict: 409,
    refusals.Stale: 412,
    refusals.TooLarge: 413,
    refusals.NotSupported: 415,
    refusals.TooMany: 429,
    refusals.Busy: 503,
    refusals.Full: 507,
}
SENTENCES: dict[type[Exception], tuple[int, str]] = {
    drf.NotAuthenticated: (401, "Not authenticated"),
    drf.AuthenticationFailed: (401, "Token has expired."),
    drf.PermissionDenied: (403, str(refusals.ScopeRefused())),
    PermissionDenied: (403, str(refusals.ScopeRefused())),
    Http404: (404, "Not Found"),
    drf.NotFound: (404, "Not Found"),
    drf.MethodNotAllowed: (405, "Method Not Allowed"),
    drf.UnsupportedMediaType: (415, "The body's Content-Type is not one that this route takes."),
    RequestDataTooBig: (413, "The form fields of the body are too large."),
    TooManyFieldsSent: (413, "The body has too many form fields."),
    TooManyFilesSent: (413, "The body has too many files."),
    UnreadablePostError: (400, "The body ended before it was complete."),  # the client is gone, or too slow
    SuspiciousOperation: (400, "The request cannot be read."),
}


def explain(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler; None (a bug) becomes the 500 of `handler500`."""
    from rest_framework.views import set_rollback

    set_rollback()
    answer = _answer(error)
    if answer is None:
        return None
    request = context.get("request")
    if answer.status_code in {401, 403, 429, 503, 507}:
        log.warning(
            "Refused: %s",
            answer.data["detail"],
            extra={"status": answer.status_code, "request_id": request_id(request)},
        )
    return answer


def _answer(error: Exception) -> Response | None:
    if found := _problems_of(error):
        return Response({"detail": found}, status=422)
    if isinstance(error, drf.Throttled):
        wait = int(getattr(error, "wait", None) or 1) + 1
        return Response({"detail": "Too many requests; slow down."}, status=429, headers={"Retry-After": str(wait)})
    if is_outage(error):
        log.error("The database does not answer.", exc_info=error)
        return _later(503, "The database does not answer; try again.", 5)
    for kind, (status, sentence) in SENTENCES.items():
        if isinstance(error, kind):
            return _with_scheme(Response({"detail": sentence}, status=status))
    return _refusal(error)


def _problems_of(error: Exception) -> list[dict[str, Any]]:
    """The entries of a 422; none when it is something else."""
    if isinstance(error, refusals.Invalid):
        return [problem(str(error), *error.where, kind=error.kind)]
    if isinstance(error, drf.ValidationError):
        return problems(error.detail)
    if isinstance(error, drf.ParseError):
        return [problem(str(error.detail), "body", kind="value_error.parse")]
    return []


def _refusal(error: Exception) -> Response | None:
    for kind, status in STATUS.items():
        if isinstance(error, kind):
            wait = getattr(error, "retry_after", 60 if status == 507 else 0)
            return (
                _later(status, str(error), wait)
                if wait
                else _with_scheme(Response({"detail": str(error)}, status=status))
            )
    if isinstance(error, DatabaseError):
        log.error("The database refused.", exc_info=error)
    return None


def status_of(refusal: refusals.Refusal) -> int:
    """The status that a refusal is answered with."""
    if isinstance(refusal, refusals.Invalid):
        return 422
    return next((status for kind, status in STATUS.items() if isinstance(refusal, kind)), 409)


def _later(status: int, sentence: str, seconds: int) -> Response:
    return Response({"detail": sentence}, status=status, headers={"Retry-After": str(seconds)})


def _with_scheme(answer: Response) -> Response:
    if answer.status_code == 401:
        answer["WWW-Authenticate"] = "Bearer"
    return answer


def problem(message: str, *where: str | int, kind: str) -> dict[str, Any]:
    """One entry of a 422, in the original's shape."""
    return {"loc": list(where), "msg": message, "type": kind}


def problems(detail: Any, *where: str | int) -> list[dict[str, Any]]:
    """DRF's nested error details as a flat list of paths."""
    where = where or ("body",)
    if isinstance(detail, dict):
        return [entry for key, value in detail.items() for entry in problems(value, *where, key)]
    if isinstance(detail, list):
        return [entry for value in detail for entry in problems(value, *where)]
    missing = getattr(detail, "code", "") == "required"
    kind = "value_error.missing" if missing else f"value_error.{getattr(detail, 'code', 'invalid')}"
    path = [part for part in where if part != "non_field_errors"]
    return [problem("field required" if missing else str(detail), *path, kind=kind)]
