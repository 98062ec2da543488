"""The store, the upload handler and a middleware that die on order."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import IO, Any

from django.http import HttpRequest, HttpResponse

from curation.storage.base import ObjectStore
from curation.storage.bucket import BucketStore
from curation.storage.folder import FolderStore
from curation.storage.receive import ReceivedFile, SpoolingHandler
from curation.tests.faults.killing import is_ordered, point

SIP = 1000  # bytes


class DeadlyStore(ObjectStore):
    stored = itertools.count(1)  # by this process, or by its present job

    def put(self, key: str, file: IO[bytes], **announced: Any) -> None:
        point("P3")
        super().put(key, file, **announced)  # type: ignore[safe-super]
        self._has_stored()

    def copy(self, source: str, target: str, **announced: Any) -> None:
        super().copy(source, target, **announced)  # type: ignore[safe-super]
        self._has_stored()

    def _has_stored(self) -> None:
        point("P5")
        point(f"P5.{next(DeadlyStore.stored)}")


class DeadlyBucket(DeadlyStore, BucketStore):
    """P4, in the midst of a transfer, is the proxy's: it sees the bytes go by."""


class DeadlyFolder(DeadlyStore, FolderStore):
    def put(self, key: str, file: IO[bytes], **announced: Any) -> None:
        super().put(key, Sipped(file) if is_ordered("P4") else file, **announced)  # type: ignore[arg-type]


class Sipped:
    """A file that gives little at a time, and whose reader dies at the third sip."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._sips = file, 0

    def read(self, size: int = -1) -> bytes:
        self._sips += 1
        if self._sips > 2:
            point("P4")
        return self._file.read(SIP)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class DeadlyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        die_while_receiving()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "X-Doomed" not in request.headers:  # another request must not take the order that is meant for this one
            return self.get_response(request)
        point("P0")
        response = self.get_response(request)
        point("P8")
        close = response.close

        def close_and_die() -> None:  # the server calls it when the last byte was sent
            close()
            point("P9")

        response.close = close_and_die  # type: ignore[method-assign]
        return response


def die_while_receiving() -> None:
    """The views make the handler themselves, so its methods are replaced; in the rig's processes alone."""
    take, complete = SpoolingHandler.receive_data_chunk, SpoolingHandler.file_complete

    def take_and_die(self: SpoolingHandler, raw_data: bytes, start: int) -> bytes | None:
        kept = take(self, raw_data, start)
        point("P1")
        return kept

    def complete_and_die(self: SpoolingHandler, file_size: int) -> ReceivedFile:
        received = complete(self, file_size)
        point("P2")
        return received

    SpoolingHandler.receive_data_chunk = take_and_die  # type: ignore[method-assign]
    SpoolingHandler.file_complete = complete_and_die  # type: ignore[method-assign]
