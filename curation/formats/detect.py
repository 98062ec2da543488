"""Tells the format of a file by what stands in it; its name has no say."""

from __future__ import annotations

from typing import IO

from curation.formats.head import BYTES, Head
from curation.formats.table import FORMATS, Format


def detect(file: IO[bytes]) -> Format | None:
    """The format that the first MiB of a seekable file looks like, or None. The file is left at 0."""
    file.seek(0)
    head = Head(file.read(BYTES))
    file.seek(0)
    return next((format_ for format_ in FORMATS.values() if format_.looks_like(head)), None)
