"""From what a person names to a source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from curation.storage.sources import prefix
from curation.storage.sources.base import Source, SourceRefused
from curation.storage.sources.folder import FileSource, FolderSource
from curation.storage.sources.limits import HEAD, TAR_MAGIC, TAR_MAGIC_AT
from curation.storage.sources.tars import TarSource
from curation.storage.sources.zips import END, LOCAL, ZipSource

KINDS = "an archive is a .zip, a .tar or a .tar.gz"


def archive_kind(head: bytes) -> str:
    """zip, tar or gzip for the first HEAD bytes of an archive that we open; "" for anything else."""
    if head.startswith((LOCAL, END)):
        return "zip"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    return "tar" if head[TAR_MAGIC_AT : TAR_MAGIC_AT + len(TAR_MAGIC)] == TAR_MAGIC else ""


def kind_of(file: IO[bytes]) -> str:
    """As archive_kind, for a seekable file, which is left at 0."""
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0)
    return archive_kind(head)


def open_archive(file: IO[bytes]) -> Source:
    """The source of an archive in a seekable file. Raises SourceRefused."""
    match kind_of(file):
        case "zip":
            return ZipSource(file)
        case "tar":
            return TarSource(file, gzipped=False)
        case "gzip":
            return TarSource(file, gzipped=True)
    raise SourceRefused(f"This is no archive that we open: {KINDS}.")


@contextmanager
def open_source(address: str) -> Iterator[Source]:
    """A folder, a file, an archive by its path, or s3://bucket/prefix. Raises SourceRefused."""
    if address.startswith("s3://"):
        yield prefix.parse(address)
        return
    path = Path(address)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError as error:
        raise SourceRefused(f"The path cannot be read: {error.strerror}.") from error
    if is_folder or (is_file and not _is_archive(path)):
        with closing(FolderSource(path) if is_folder else FileSource(path)) as source:
            yield source
    elif is_file:
        with path.open("rb") as file:
            yield open_archive(file)
    else:
        raise SourceRefused("There is no such folder or file.")


def _is_archive(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return bool(kind_of(file))
    except OSError as error:
        raise SourceRefused(f"The file cannot be read: {error.strerror}.") from error
