"""Multipart bodies go through the spool while they arrive: counted, hashed, limited, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http.request import HttpRequest

from curation.storage.headers import clean_name
from curation.storage.spool import Spool, Spooled


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

    limits: part name -> largest size in bytes, set by the views that want files. Any other part is passed over.
    """

    chunk_size = 256 * 1024

    def __init__(self, request: HttpRequest | None = None, *, limits: Mapping[str, int] | None = None) -> None:
        super().__init__(request)
        self.limits = limits or {}
        self.seen: set[str] = set()
        self.spools: list[Spool] = []

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        name = str(self.field_name)
        if name not in self.limits:
            raise SkipFile
        if name in self.seen:
            raise TwoFiles(name)
        self.seen.add(name)
        self.file = Spool(self.limits[name])
        self.spools.append(self.file)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self.file.write(raw_data)
        return None

    def file_complete(self, file_size: int) -> ReceivedFile:
        received = ReceivedFile(self.file.finish(), clean_name(self.file_name or ""), self.content_type)
        del self.file  # complete: Django closes the `file` of a handler when it skips another part
        return received

    def upload_interrupted(self) -> None:
        """The body ended within a part: Django tells nobody else, and the view finds that part missing."""
        if hasattr(self, "file"):
            self.file.close()

    def close(self) -> None:
        """Forget all parts: the body was refused, or ended too early."""
        for spool in self.spools:
            spool.close()
