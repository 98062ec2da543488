"""Remove what nothing needs any more. The only place where objects are deleted.

A ledger row without reference is marked `deleting` under its lock, after its references were asked for once
more: whoever settles the key at that moment waits, finds it gone and begins again. Then the object goes, then
the row. A run that was killed leaves `deleting` rows, which the next one finishes; none ever comes back.

History is sacred: the objects of revisions are never collected, those of deleted annotations neither. Only a
deleted media gives up its file, after settings.DELETED_KEPT; its row stays as a tombstone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.actions.audit import record
from accounts.actor import Actor
from accounts.models import ApiToken
from curation.actions import derived, idempotency, installation, leftovers
from curation.actions.alone import one_collector
from curation.actions.objects import let_go
from curation.actions.references import referenced
from curation.actions.survey import State, is_unknown, survey
from curation.actions.walking import side_by_side, unfinished
from curation.models import Media, StoredObject
from curation.storage.base import ObjectStore
from curation.storage.stores import object_store

log = logging.getLogger(__name__)

BATCH = 500  # rows in memory, and in one transaction

Progress = Callable[[str, int], None]


def no_progress(stage: str, count: int) -> None:
    """Nobody watches."""


@dataclass(slots=True)
class Tally:
    """What a run did, or without `apply` what it would do."""

    media_freed: int = 0
    finished: int = 0  # deletions that an earlier run had begun
    collected: int = 0  # objects that nothing needed
    collected_bytes: int = 0
    unknown: int = 0  # objects without ledger row, older than the grace
    unknown_collected: int = 0
    unfinished: int = 0  # writes that were cut short
    uploads_expired: int = 0  # direct uploads that nobody asked for in time
    uploads_cleared: int = 0  # ended ones whose bytes were removed from incoming/
    idempotency_keys: int = 0
    login_tokens: int = 0


@dataclass(frozen=True, slots=True)
class _Run:
    apply: bool
    grace: timedelta
    by: Actor
    progress: Progress
    still_alone: Callable[[], None]
    store: ObjectStore = field(default_factory=object_store)
    tally: Tally = field(default_factory=Tally)

    @property
    def before(self) -> datetime:
        """What was touched later is left alone."""
        return timezone.now() - self.grace


def collect(
    *,
    apply: bool,
    grace: timedelta | None = None,
    unknown: bool = False,
    despite_missing: bool = False,
    by: Actor,
    progress: Progress = no_progress,
) -> Tally:
    """Remove what nothing has needed for `grace` (settings.COLLECT_GRACE); without `apply`, only count it.

    unknown: also objects that no ledger row knows, in a store that was not empty when we met it.
    despite_missing: go on although many needed objects are gone, because somebody knows why.
    Raises NotAlone, Alarm (nothing was removed), StoreUnavailable.
    """
    with one_collector() if apply else nullcontext(_nobody_minds) as still_alone:
        run = _Run(apply, settings.COLLECT_GRACE if grace is None else grace, by, progress, still_alone)
        unknown_go = unknown or installation.found_empty()
        run.store.ping()
        seen = survey(run.store, before=run.before)
        seen.refuse_if_alarming(unknown_go=unknown_go and not unknown, despite_missing=despite_missing)
        run.tally.unknown = seen.unknown
        run.tally.uploads_expired, run.tally.uploads_cleared = _sweep_uploads(run)
        _free_deleted_media(run)
        run.tally.finished = _remove_marked(run)[0]
        _collect_unneeded(run)
        if unknown_go and apply and seen.unknown:
            _collect_unknown(run)
        _abort_unfinished(run)
        _forget(run)
    return run.tally


def _nobody_minds() -> None:
    """Counting may be done by many at a time."""


# --- Bytes of deleted media ------------------------------------------------------------------------


def _free_deleted_media(run: _Run) -> None:
    """Let go of the files of media deleted long ago; their objects follow a grace later."""
    due = Media.objects.deleted_before(timezone.now() - settings.DELETED_KEPT).stored()
    if not run.apply:
        run.tally.media_freed = due.count()
        return
    done = 0
    while batch := list(due.filter(pk__gt=done).order_by("pk")[:BATCH]):
        _free([media.pk for media in batch], run.by)
        done = batch[-1].pk
        run.tally.media_freed += len(batch)
        run.progress("media freed", run.tally.media_freed)


@transaction.atomic(durable=True)
def _free(ids: list[int], by: Actor) -> None:
    now = timezone.now()
    media = list(Media.objects.select_for_update().filter(pk__in=ids, deleted_at__isnull=False).order_by("pk"))
    Media.objects.filter(pk__in=[row.pk for row in media]).update(
        file="", sha256="", size=None, version=F("version") + 1, updated_at=now
    )
    for row in media:
        before = {"file": row.file.name, "sha256": row.sha256, "size": row.size}
        record("media.free", row, by=by, before=before, after={"file": "", "sha256": "", "size": None})
    let_go([row.file.name or "" for row in media])
    derived.forget([row.pk for row in media])


# --- Objects that the ledger knows -----------------------------------------------------------------


def _collect_unneeded(run: _Run) -> None:
    for rows in _unneeded(run):
        if run.apply:
            _mark([row.pk for row in rows], run)
            count, size = _remove_marked(run)
        else:
            count, size = len(rows), sum(row.size for row in rows)
        run.tally.collected += count
        run.tally.collected_bytes += size
        run.progress("objects collected", run.tally.collected)


def _unneeded(run: _Run) -> Iterator[list[StoredObject]]:
    """Ledger rows that nothing refers to at this moment, at most BATCH at a time."""
    done = 0
    while rows := list(StoredObject.objects.collectable(before=run.before).filter(pk__gt=done).order_by("pk")[:BATCH]):
        needed = referenced([row.key for row in rows])
        if free := [row for row in rows if row.key not in needed]:
            yield free
        done = rows[-1].pk


@transaction.atomic(durable=True)
def _mark(ids: list[int], run: _Run) -> None:
    """Mark those as `deleting` that nobody uses or needs, decided under their locks.

    On PostgreSQL a row that a writer is settling is skipped, and one that is ours makes a writer wait; the
    references are read by a statement of their own, which sees all that was settled before the lock. On
    SQLite the transaction is the only writer from its first statement on.
    """
    collectable = StoredObject.objects.collectable(before=run.before)
    rows = list(collectable.select_for_update(skip_locked=True).filter(pk__in=ids))
    needed = referenced([row.key for row in rows])
    unneeded = [row.pk for row in rows if row.key not in needed]
    collectable.filter(pk__in=unneeded).update(state=State.DELETING)


def _remove_marked(run: _Run) -> tuple[int, int]:
    """Finish every deletion that is marked, whoever marked it; return how many objects and bytes went."""
    marked = StoredObject.objects.filter(state=State.DELETING).order_by("pk")
    if not run.apply:
        return marked.count(), 0
    count = size = done = 0
    while rows := list(marked.filter(pk__gt=done)[:BATCH]):
        needed = referenced([row.key for row in rows])
        gone = _remove([row for row in rows if row.key not in needed], run)
        count, size, done = count + len(gone), size + sum(row.size for row in gone), rows[-1].pk
        for key in needed:
            log.error("An object that rows need is marked for deletion; it was left alone.", extra={"object": key})
    return count, size


def _remove(rows: list[StoredObject], run: _Run) -> list[StoredObject]:
    """Remove the objects, then their rows, those of a batch that was cut short as well."""
    gone: list[StoredObject] = []
    try:
        for row in rows:
            run.still_alone()
            run.store.remove(row.key)
            log.info("An object was deleted.", extra={"object": row.key})
            gone.append(row)
    finally:
        StoredObject.objects.filter(pk__in=[row.pk for row in gone], state=State.DELETING).delete()
    return gone


# --- Objects that it does not know -----------------------------------------------------------------


def _collect_unknown(run: _Run) -> None:
    before = run.before
    unknown = (pair.stat for pair in side_by_side(run.store) if is_unknown(pair, before))
    stats = (stat for stat in unknown if stat is not None)
    while batch := {stat.key: stat.size for stat in islice(stats, BATCH)}:
        _enter_as_deleting(batch)
        run.tally.unknown_collected += _remove_marked(run)[0]
        run.progress("unknown objects collected", run.tally.unknown_collected)


@transaction.atomic(durable=True)
def _enter_as_deleting(sizes: dict[str, int]) -> None:
    """Take unknown keys into the ledger as `deleting`, so that a writer of one waits. sizes: bytes by key.

    A key that got a row meanwhile is left to its writer, one that a row refers to is left to check_storage.
    """
    needed = referenced(sizes)
    StoredObject.objects.bulk_create(
        [StoredObject(key=key, size=size, state=State.DELETING) for key, size in sizes.items() if key not in needed],
        ignore_conflicts=True,
    )


def _sweep_uploads(run: _Run) -> tuple[int, int]:
    swept = leftovers.sweep(apply=run.apply)
    return swept.expired, swept.cleared


# --- The rest --------------------------------------------------------------------------------------


def _abort_unfinished(run: _Run) -> None:
    before = run.before
    for incomplete in unfinished(run.store):
        if incomplete.started > before:
            continue
        if run.apply:
            run.store.abort(incomplete)
            log.info("An unfinished write was removed.", extra={"object": incomplete.key})
        run.tally.unfinished += 1


def _forget(run: _Run) -> None:
    """Answers that nobody may ask for again, and login tokens that open nothing."""
    now = timezone.now()
    tokens = ApiToken.objects.filter(kind=ApiToken.Kind.LOGIN, expires_at__lte=now)
    run.tally.idempotency_keys = idempotency.purge() if run.apply else idempotency.expired().count()
    run.tally.login_tokens = tokens.delete()[0] if run.apply else tokens.count()
