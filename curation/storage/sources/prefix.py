"""The objects below a prefix of a bucket, at the store that is configured here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from curation.storage.bucket import BucketStore
from curation.storage.errors import ObjectMissing
from curation.storage.keys import PREFIXES
from curation.storage.sources.base import Alive, Entry, EntryRefused, Source, SourceRefused, quiet
from curation.storage.sources.paths import escaped, shown, too_long


class ForeignBucket(BucketStore):
    """A bucket that is only read, whatever its keys look like."""

    def check_key(self, key: str) -> str:
        return key

    def put(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("A source is only read.")

    def remove(self, key: str) -> None:
        raise TypeError("A source is only read.")


class PrefixSource(Source):
    """Every object whose key begins with a prefix."""

    reads_at_once = True

    def __init__(self, bucket: str, prefix: str) -> None:
        if not settings.BUCKET_NAME:
            raise SourceRefused("Only an installation that keeps its own objects in a bucket can read another one.")
        if bucket == settings.BUCKET_NAME and _is_managed(prefix):
            raise SourceRefused("There this service keeps its own objects; name another prefix, or another bucket.")
        self._prefix = prefix
        default: Any = settings.STORAGES["default"]
        self._bucket = ForeignBucket(**(default["OPTIONS"] | {"bucket_name": bucket}))

    def check(self, alive: Alive = quiet) -> None:
        self._bucket.ping(10.0)

    def entries(self) -> Iterator[Entry]:
        for stat in self._bucket.walk(self._prefix):
            path = escaped(stat.key.removeprefix(self._prefix).lstrip("/"))
            if path and not path.endswith("/"):  # consoles make such objects to show a folder
                yield Entry(shown(path), stat.size, too_long(path), place=stat.key)

    def read(self, entry: Entry) -> Iterator[bytes]:
        try:
            yield from self._bucket.read_chunks(str(entry.place))
        except ObjectMissing as error:
            raise EntryRefused("It was removed since it was listed.") from error


def _is_managed(prefix: str) -> bool:
    """Whether something below `prefix` may be an object of this service."""
    return any(f"{ours}/".startswith(prefix) or prefix.startswith(f"{ours}/") for ours in PREFIXES)


def parse(address: str) -> PrefixSource:
    """The source of s3://bucket/prefix. Raises SourceRefused."""
    parts = urlsplit(address)
    if not parts.netloc or parts.query or parts.fragment or "@" in parts.netloc:
        raise SourceRefused("An address in a bucket is written s3://bucket/prefix.")
    prefix = parts.path.lstrip("/")
    return PrefixSource(parts.netloc, f"{prefix.rstrip('/')}/" if prefix else "")
