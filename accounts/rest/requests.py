"""What every view asks of a request before it acts."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from rest_framework.request import Request
from rest_framework.serializers import Serializer

from accounts.actor import Actor
from accounts.models import Access, ApiToken
from accounts.refusals import Invalid, NotAuthenticated

DIGITS_MAX = 40  # of an id in a path


def request_id(request: Any) -> str:
    return str(getattr(getattr(request, "_request", request), "request_id", ""))


def asking(request: Request) -> Access:
    """The access behind the request, on routes that let nobody else in."""
    if not isinstance(request.user, Access):
        raise NotAuthenticated("Not authenticated")
    return request.user


def token(request: Request) -> ApiToken:
    """The token that the access asks with."""
    if not isinstance(request.auth, ApiToken):
        raise NotAuthenticated("Not authenticated")
    return request.auth


def actor(request: Request) -> Actor:
    """Who asks through the API."""
    return Actor(access=asking(request), door="api", token=token(request), request_id=request_id(request))


def row_id(text: str, name: str, *, place: str = "path") -> int:
    """An id from the path (or the query): 422 for what is no positive whole number.

    It may be larger than its column: such an id is merely unknown.
    """
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > DIGITS_MAX:
        raise Invalid("value is not a valid integer", place, name, kind="type_error.integer")
    if int(text) < 1:
        raise Invalid("ensure this value is greater than 0", place, name, kind="value_error.number.not_gt")
    return int(text)


def no_unknown_parameters(request: Request, known: Iterable[str] = ()) -> None:
    """Refuse query parameters that are not declared, or given twice.

    A filter that is silently ignored answers with every row.
    """
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        raise Invalid("unknown parameter", "query", unknown[0][:100], kind="value_error.extra")
    for name, values in request.query_params.lists():
        if len(values) > 1:
            raise Invalid("given more than once", "query", name)


def read(serializer: type[Serializer[Any]], data: Any) -> dict[str, Any]:
    """The validated body; 422 when it is not an object or does not fit."""
    if not isinstance(data, dict):
        raise Invalid("value is not a valid dict", "body", kind="type_error.dict")
    return dict(_reader(serializer).run_validation(data))


@cache
def _reader(serializer: type[Serializer[Any]]) -> Serializer[Any]:
    """One instance for all requests: it keeps nothing of what it reads, and making it copies every field."""
    return serializer()
