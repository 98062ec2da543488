"""Copying objects from one place to another, only those that are not there yet, each compared with its digest."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from curation.actions.backups.folder import BackupRefused
from curation.actions.backups.manifest import Entry
from curation.actions.checking.objects import Progress
from curation.storage.base import ObjectStore, Stat
from curation.storage.bucket import BucketStore
from curation.storage.disk import disk
from curation.storage.errors import ChecksumRefused, ObjectMissing
from curation.storage.folder import FolderStore
from curation.storage.keys import is_ours

BESIDE = "objects"  # the folder beside the backups
NOT_LISTED = 10_000  # keys that are listed when they could not be copied; beyond that they are only counted


@dataclass(slots=True)
class Copied:
    objects: int = 0
    bytes: int = 0
    failed: int = 0
    not_copied: list[str] = field(default_factory=list)  # their keys, the first NOT_LISTED

    def fail(self, key: str) -> None:
        self.failed += 1
        if len(self.not_copied) < NOT_LISTED:
            self.not_copied.append(key)


def place(directory: Path, where: str) -> ObjectStore:
    """The store for the objects of backups: `where` is BESIDE or s3://bucket. Raises BackupRefused."""
    if where == BESIDE:
        return FolderStore(directory / BESIDE)
    address = urlsplit(where)
    if address.scheme != "s3" or not address.netloc or address.path.strip("/") or address.username:
        raise BackupRefused("Objects go to a bucket that is named like s3://bucket, without a path.")
    options: dict[str, Any] = settings.BACKUP_S3
    if (settings.BUCKET_NAME, settings.S3["S3_ENDPOINT_URL"]) == (address.netloc, options["endpoint_url"]):
        raise BackupRefused("That is the bucket of this service itself; a backup wants another one.")
    if not all(options.values()):
        raise BackupRefused("For a bucket, BACKUP_S3_* must be set, or S3_* (docs/backup.md).")
    return BucketStore(bucket_name=address.netloc, **options)


def copy(
    entries: Iterable[Entry],
    source: ObjectStore,
    target: ObjectStore,
    *,
    verify: bool,
    before_each: Callable[[], None],
    progress: Progress,
) -> Copied:
    """Bring to `target` what it lacks of `entries`; what the source lacks, or has damaged, is counted as failed.

    verify: also read what is there already, and replace what has decayed.
    Raises StoreUnavailable, DiskFull, and what `before_each` raises.
    """
    done = Copied()
    for entry in absent(entries, target, verify=verify):
        before_each()
        try:
            with source.open_read(entry.key) as file:
                target.put(entry.key, file, size=entry.size, sha256=entry.sha256, content_type=entry.content_type)
        except (ObjectMissing, ChecksumRefused):
            done.fail(entry.key)
            continue
        done.objects, done.bytes = done.objects + 1, done.bytes + entry.size
        progress("objects copied", done.objects)
    return done


def absent(entries: Iterable[Entry], target: ObjectStore, *, verify: bool = False) -> Iterator[Entry]:
    """Those of `entries` (in byte order) that are to be kept, and that `target` has not, or not with that size."""
    for entry, stat in _beside(entries, target):
        if entry is None or not entry.is_kept:
            continue
        if stat is None or stat.size != entry.size or (verify and not _is_intact(entry, target)):
            yield entry


def strangers(entries: Iterable[Entry], target: ObjectStore) -> int:
    """How many objects `target` has that `entries` (in byte order) do not name, or not with that size."""
    return sum(1 for entry, stat in _beside(entries, target) if stat and (entry is None or entry.size != stat.size))


def _is_intact(entry: Entry, target: ObjectStore) -> bool:
    return target.digest(entry.key) == (entry.sha256, entry.size)


def _beside(entries: Iterable[Entry], target: ObjectStore) -> Iterator[tuple[Entry | None, Stat | None]]:
    """Every key of ours in either, with what each says of it."""
    there = (stat for stat in target.walk() if is_ours(stat.key))
    stat = next(there, None)
    for entry in entries:
        while stat is not None and stat.key < entry.key:
            yield None, stat
            stat = next(there, None)
        if stat is not None and stat.key == entry.key:
            yield entry, stat
            stat = next(there, None)
        else:
            yield entry, None
    while stat is not None:
        yield None, stat
        stat = next(there, None)


def ensure_room(folder: Path, size: int, *, what: str) -> None:
    """Raises BackupRefused when `size` more bytes would eat into the reserve of the disk."""
    with disk():
        free = shutil.disk_usage(folder).free - settings.DISK_RESERVE_BYTES
    if size > free:
        raise BackupRefused(f"There is no room for {what}: {size} bytes are needed, {max(0, free)} are free.")
