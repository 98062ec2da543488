"""Back up a running service: the database of one moment first, then every object that it names.

In this order nothing is missing: a row is committed after its object was written, and the collector, which alone
removes objects, waits until the last one is copied. Objects never change under their key, so that each is copied
once, however many backups need it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

from curation.actions import installation
from curation.actions.alone import one_collector
from curation.actions.backups import database, folder, objects
from curation.actions.backups.folder import MANIFEST, About, BackupRefused
from curation.actions.backups.manifest import read
from curation.actions.backups.objects import Copied, absent, ensure_room
from curation.actions.checking.objects import Progress
from curation.models import Installation
from curation.storage.base import ObjectStore
from curation.storage.folder import FolderStore
from curation.storage.stores import object_store

COLLECTOR_AT_WORK = "The collector is at work, or another backup; begin again when it has ended."


def backup(directory: Path, *, where: str = objects.BESIDE, verify: bool = False, progress: Progress) -> About:
    """Make a backup in `directory`; return what it says of itself.

    where: for the objects; BESIDE the backup, s3://bucket, or "" when something else keeps a copy of them.
    verify: read the objects that are there already as well, and replace those that have decayed.
    Raises BackupRefused, NotAlone, StoreUnavailable, DiskFull: then there is no backup of that name, but the
    objects that were copied stay, and the next one goes on from them.
    """
    directory = directory.absolute()
    _refuse_to_nest(directory)
    target = objects.place(directory, where) if where else None
    with folder.at_work_in(directory), one_collector(COLLECTOR_AT_WORK) as still_alone:
        object_store().ping()
        ensure_room(directory, database.size(), what="the database")
        about = _about(where)
        partial = folder.begin(directory, datetime.fromisoformat(about.began))
        progress("database", 0)
        database.dump(partial, about)
        if target is not None:
            about.not_copied = _copy(partial, target, verify, still_alone, progress).not_copied
        about.ended = datetime.now(UTC).isoformat()
        folder.complete(partial, about)
    return about


def _about(where: str) -> About:
    began = datetime.now(UTC)
    known = Installation.objects.order_by("pk").values_list("store", "created_at")
    return About(
        name=f"{began:%Y%m%dT%H%M%SZ}",
        version=settings.VERSION,
        database=connection.vendor,
        server=database.server(),
        migrations=[],
        store=installation.store_name(),
        installations=[(store, created_at.isoformat()) for store, created_at in known],
        began=began.isoformat(),
        objects_at=where,
    )


def _copy(
    partial: Path, target: ObjectStore, verify: bool, still_alone: Callable[[], None], progress: Progress
) -> Copied:
    target.prepare()
    entries = partial / MANIFEST
    if isinstance(target, FolderStore):
        needed = sum(entry.size for entry in absent(read(entries), target))
        ensure_room(target.folder, needed, what="the objects")
    return objects.copy(
        read(entries), object_store(), target, verify=verify, before_each=still_alone, progress=progress
    )


def _refuse_to_nest(directory: Path) -> None:
    store = object_store()
    if isinstance(store, FolderStore) and directory.resolve().is_relative_to(store.folder.resolve()):
        raise BackupRefused("That folder belongs to the store itself; a backup wants another one.")
