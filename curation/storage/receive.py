"""Multipart bodies go through the spool while they arrive: counted, hashed, limited, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http.request import HttpRequest

from curation.storage.headers import clean_name
from curation.storage.spool import Spool, Spooled

UNASKED = 1024 * 1024  # bytes of a file that came to a route which asked for none


class TwoFiles(Exception):
    """Two file parts under one name, where one is expected."""


class ReceivedFile(UploadedFile):  # type: ignore[type-arg]
    """A part that arrived whole; `spooled` has its size and digest."""

    def __init__(self, spooled: Spooled, name: str, content_type: str | None) -> None:
        self.spooled = spooled
        self.original_name = name  # "" when nothing readable was left of it
        file: IO[bytes] = spooled.file
        super().__init__(file, name=name or None, content_type=content_type, size=spooled.size)

    def __bool__(self) -> bool:
        """Django takes a file without a name for no file at all."""
        return True


class SpoolingHandler(FileUploadHandler):
    """Django's upload handler of every route.

    limits: part name -> largest size in bytes. A view sets its own; without them (admin forms) people who are
    logged in may send what a video may be, and anybody else next to nothing.
    """

    chunk_size = 256 * 1024

    def __init__(self, request: HttpRequest | None = None, *, limits: Mapping[str, int] | None = None) -> None:
        super().__init__(request)
        self.limits = limits
        self.seen: set[str] = set()
        self.spools: list[Spool] = []

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        name = str(self.field_name)
        if self.limits is not None and name not in self.limits:
            raise SkipFile
        if name in self.seen:
            raise TwoFiles(name)
        self.seen.add(name)
        self.file = Spool(self.limits[name] if self.limits is not None else self._without_limits())
        self.spools.append(self.file)

    def _without_limits(self) -> int:
        user = getattr(self.request, "user", None)
        return int(settings.VIDEO_MAX_BYTES) if getattr(user, "is_staff", False) else UNASKED

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self.file.write(raw_data)
        return None

    def file_complete(self, file_size: int) -> ReceivedFile:
        return ReceivedFile(self.file.finish(), clean_name(self.file_name or ""), self.content_type)

    def close(self) -> None:
        """Forget all parts: the body was refused, or ended too early."""
        for spool in self.spools:
            spool.close()
