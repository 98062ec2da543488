"""Idempotency keys at the door: the same key with the same request gives the same answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.refusals import Conflict, Refusal
from accounts.rest.requests import asking
from curation.actions.idempotency import AlreadyDone, Receipt

HEADER = "Idempotency-Key"
T = TypeVar("T")


def receipt(request: Request, *asked: object) -> Receipt | None:
    """The receipt of a request that brought a key. `asked`: its fields and the digests of its files."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    route = request.path.removeprefix("/api/v1").rstrip("/")
    fingerprint = hashlib.sha256(orjson.dumps([request.method, route, *asked], default=str)).hexdigest()
    return Receipt(access=asking(request), key=key, fingerprint=fingerprint)


def replayed(given: Receipt | None) -> Response | None:
    kept = given.answer() if given else None
    return Response(kept[1], status=kept[0]) if kept else None


def once(
    given: Receipt | None,
    act: Callable[[Callable[[T], None]], T],
    *,
    show: Callable[[T], dict[str, Any]],
    status: int,
) -> Response:
    """Run `act(keep)` and answer with what it returns; `keep` commits the answer together with the effect."""

    def keep(result: T) -> None:
        if given:
            given.keep(status, show(result))

    try:
        return Response(show(act(keep)), status=status)
    except (AlreadyDone, Conflict) as error:
        return replayed(given) or _raise(error)


def _raise(error: Exception) -> Response:
    if isinstance(error, Refusal):
        raise error
    raise Conflict("Another request with this Idempotency-Key is under way; try again.") from error
