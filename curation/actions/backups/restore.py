"""Bring a backup back: the objects first, then the rows that need them.

What is restored knows nothing of what came after it. So that nothing of that is collected unasked, the store counts
as found empty only where it was empty when the restore began.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.models import F
from django.utils import timezone

from curation.actions import installation
from curation.actions.alone import one_collector
from curation.actions.backups import database, folder, objects
from curation.actions.backups.folder import MANIFEST, About, BackupRefused
from curation.actions.backups.manifest import read
from curation.actions.backups.objects import Copied
from curation.actions.checking.objects import Progress
from curation.models import Installation, Job, StoredObject, Upload
from curation.storage.stores import object_store

OURS = ("accounts", "curation")
AT_WORK = "The collector is at work, or a backup: this does not look like a service that was stopped."


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back."""

    about: About
    copied: Copied = field(default_factory=Copied)


def restore(
    directory: Path,
    *,
    name: str = "",
    where: str = "",
    with_database: bool = True,
    with_objects: bool = True,
    replace: bool = False,
    verify: bool = False,
    progress: Progress,
) -> Restored:
    """Bring back the backup called `name`, or the newest. The service must be stopped.

    where: the objects of the backup, when they are not where it was made.
    replace: the rows of this same installation may be replaced, and other objects may lie in the store; they stay.
    verify: also read the objects that the store has already, and replace those that have decayed.
    Raises BackupRefused (nothing was changed), NotAlone, StoreUnavailable, DiskFull. One that was cut short is
    begun again the same way.
    """
    directory = directory.absolute()
    backup = folder.find(directory, name)
    about = folder.read_about(backup)
    with one_collector(AT_WORK) as still_alone:
        object_store().prepare()
        if with_database:
            _refuse_database(about, replace=replace)
        source = objects.place(directory, _place_of_objects(about, where)) if with_objects else None
        if with_objects and not replace:
            _refuse_objects(backup)
        was_empty = object_store().is_empty()
        copied = Copied()
        if source is not None:
            source.ping()
            entries = read(backup / MANIFEST)
            copied = objects.copy(
                entries, source, object_store(), verify=verify, before_each=still_alone, progress=progress
            )
        if with_database:
            progress("database", 0)
            database.load(backup, about)
            call_command("migrate", interactive=False, verbosity=0)
            _settle(about, was_empty=was_empty)
    return Restored(about, copied)


# --- What is refused -------------------------------------------------------------------------------


def _place_of_objects(about: About, where: str) -> str:
    if where or about.objects_at:
        return where or about.objects_at
    raise BackupRefused("The backup was made without objects: restore it with --no-objects, or say --objects.")


def _refuse_database(about: About, *, replace: bool) -> None:
    if about.database != connection.vendor:
        raise BackupRefused(f"The backup is of a {about.database} database; this service uses {connection.vendor}.")
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations or {}}
    if [name for name in about.migrations if name not in known]:
        raise BackupRefused(f"The backup is of version {about.version}, later than this one; restore it with that one.")
    if not _has_rows():
        return
    if not replace:
        raise BackupRefused("The database is not empty. If it is this same installation's, --replace replaces it.")
    if not _is_the_same(about):
        raise BackupRefused("The database holds the rows of another installation; nothing was changed.")


def _has_rows() -> bool:
    """Whether any of our tables that are there has a row."""
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
    models = (model for app in OURS for model in apps.get_app_config(app).get_models(include_auto_created=True))
    return any(model._base_manager.exists() for model in models if model._meta.db_table in there)


def _is_the_same(about: About) -> bool:
    """Whether this database and the backup met the same store at the same moment."""
    with connection.cursor() as cursor:
        if Installation._meta.db_table not in connection.introspection.table_names(cursor):
            return False
    met = {(store, at.isoformat()) for store, at in Installation.objects.values_list("store", "created_at")}
    return bool(met & {(store, at) for store, at in about.installations})


def _refuse_objects(backup: Path) -> None:
    """Objects that the backup names are no strangers: a restore that was cut short may have left them."""
    if count := objects.strangers(read(backup / MANIFEST), object_store()):
        raise BackupRefused(
            f"The store is not empty: {count} of its objects are not those of the backup. --replace leaves them there."
        )


# --- What is put right -----------------------------------------------------------------------------


@transaction.atomic(durable=True)
def _settle(about: About, *, was_empty: bool) -> None:
    """Whoever was at work when the backup was made is not here: writers gave up, jobs wait again.

    Clients of direct uploads may come again.
    """
    theirs = Upload.objects.under_way().values("incoming_key")
    writing = StoredObject.objects.filter(state=StoredObject.State.WRITING)
    writing.exclude(key__in=theirs).update(lease_until=F("touched_at"))
    Job.objects.filter(state=Job.State.RUNNING).update(state=Job.State.WAITING, lease_until=None, lease="")
    met = dict(about.installations)
    store = installation.store_name()
    first_met = datetime.fromisoformat(met[store]) if store in met else timezone.now()
    Installation.objects.update_or_create(store=store, defaults={"found_empty": was_empty, "created_at": first_met})
