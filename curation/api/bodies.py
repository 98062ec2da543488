"""Multipart bodies: parsed while they arrive, within limits that the view sets before the first byte is read."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from accounts.refusals import Invalid, NotSupported, TooLarge
from curation.actions.refusing import store_errors
from curation.api.serializers import DIGEST
from curation.storage.receive import ReceivedFile, SpoolingHandler, TwoFiles
from curation.storage.spool import Spooled, ensure_room, in_words

ENVELOPE = 1024 * 1024  # bytes of a body beside its files: boundaries, part headers, fields
ROOM_CHECKED_FROM = 1024 * 1024  # smaller bodies wait in memory


@dataclass(frozen=True, slots=True)
class Received:
    files: dict[str, ReceivedFile]
    fields: dict[str, str]

    def spooled(self, name: str) -> Spooled:
        return self.files[name].spooled


def receive(request: Request, limits: Mapping[str, int], *, fields: tuple[str, ...] = ("sha256",)) -> Received:
    """The file parts named in `limits` (bytes each), all of them required, and the text fields named in `fields`.

    `sha256`, when declared, must be that of the part `file`.
    Raises TooLarge, Invalid, NotSupported, Full; whatever had arrived is gone then.
    """
    _refuse_by_length(request, limits)
    if request.content_type.split(";")[0].strip().lower() != MultiPartParser.media_type:
        raise NotSupported("The body must be multipart/form-data.")
    handler = SpoolingHandler(request._request, limits=limits)
    request._request.upload_handlers = [handler]
    try:
        received = _complete(*_parsed(request), limits, fields)
        _check_digest(received)
    except BaseException:
        handler.close()
        raise
    return received


def _complete(files: dict[str, Any], texts: Any, limits: Mapping[str, int], fields: tuple[str, ...]) -> Received:
    for name in limits:
        if name not in files:
            raise Invalid("field required", "body", name, kind="value_error.missing")
    for name in fields:
        if len(texts.getlist(name)) > 1:
            raise Invalid("given more than once", "body", name)
    return Received(files, {name: texts[name] for name in fields if name in texts})


def announced(request: Request) -> int | None:
    """The length of the whole body, in bytes; None for one sent in chunks, which announces none."""
    if request.META.get("HTTP_TRANSFER_ENCODING"):
        return None
    length = request.META.get("CONTENT_LENGTH") or ""
    return int(length) if length.isdigit() else 0


def _refuse_by_length(request: Request, limits: Mapping[str, int]) -> None:
    """Before a byte is read: what is announced as too large, or would fill the disk."""
    length = announced(request)
    if length is None:
        return
    if length > sum(limits.values()) + ENVELOPE:
        raise TooLarge(f"The file is larger than {in_words(max(limits.values()))}.")
    if length > ROOM_CHECKED_FROM:
        with store_errors():
            ensure_room(length)


def _parsed(request: Request) -> tuple[dict[str, Any], Any]:
    try:
        with store_errors():
            texts = request.data
            return dict(request.FILES.items()), texts
    except TwoFiles as error:
        raise Invalid("more than one file", "body", str(error)) from error


def _check_digest(received: Received) -> None:
    declared = received.fields.get("sha256")
    if declared is None:
        return
    if not re.fullmatch(DIGEST, declared):
        raise Invalid("must be 64 hex digits", "body", "sha256", kind="value_error.sha256")
    if not hmac.compare_digest(declared.lower(), received.spooled("file").sha256):
        raise Invalid("The bytes received do not have this digest.", "body", "sha256", kind="value_error.sha256")
