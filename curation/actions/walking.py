"""The store and the ledger side by side, each read once, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import connection
from django.db.models import F
from django.db.models.functions import Collate
from django.utils import timezone

from curation.actions.references import keys_of_uploads, parts_are_of_an_upload, referenced
from curation.models import StoredObject
from curation.storage.base import Incomplete, ObjectStore, Stat
from curation.storage.folder import UNFINISHED
from curation.storage.keys import is_ours

PAGE = 1000  # ledger rows in memory


@dataclass(frozen=True, slots=True)
class Pair:
    """What the store and the ledger say of one key; at least one of them knows it."""

    key: str
    stat: Stat | None  # None: no object
    row: StoredObject | None  # None: no ledger row
    is_referenced: bool  # False as well where there is no ledger row


def side_by_side(store: ObjectStore) -> Iterator[Pair]:
    """Every key of ours that is in the store or in the ledger, in byte order. Raises StoreUnavailable.

    The two are read a page at a time while others write: what looks wrong may only be new, so look twice.
    """
    objects = _but_for_uploads(stat for stat in store.walk() if is_ours(stat.key))
    rows = _ledger()
    stat, entry = next(objects, None), next(rows, None)
    while stat is not None or entry is not None:
        if stat is not None and (entry is None or stat.key < entry[0].key):
            yield Pair(stat.key, stat, None, is_referenced=False)
            stat = next(objects, None)
        elif entry is not None:
            row, is_referenced = entry
            found = stat if stat is not None and stat.key == row.key else None
            yield Pair(row.key, found, row, is_referenced)
            entry = next(rows, None)
            stat = next(objects, None) if found else stat


def _but_for_uploads(objects: Iterator[Stat]) -> Iterator[Stat]:
    """Leave out what clients are writing by themselves: it belongs to uploads, whose sweep removes it."""
    while page := list(islice(objects, PAGE)):
        theirs = keys_of_uploads([stat.key for stat in page if stat.key.startswith("incoming/")])
        yield from (stat for stat in page if stat.key not in theirs)


def _ledger() -> Iterator[tuple[StoredObject, bool]]:
    """Each ledger row in byte order, as stores list, and whether any row refers to its key.

    SQLite compares bytes anyway; PostgreSQL does when it is told, and has an index for it.
    """
    place = Collate("key", "C") if connection.vendor == "postgresql" else F("key")
    rows = StoredObject.objects.annotate(place=place).order_by("place")
    done = ""
    while page := list(rows.filter(place__gt=done)[:PAGE]):
        needed = referenced([row.key for row in page])
        yield from ((row, row.key in needed) for row in page)
        done = page[-1].key


def unfinished(store: ObjectStore) -> Iterator[Incomplete]:
    """Writes of ours that were begun and not ended, and whose writer has no lease any more."""
    for incomplete in store.incomplete():
        key = incomplete.key
        if UNFINISHED.fullmatch(key) or (is_ours(key) and not _has_an_owner(incomplete)):
            yield incomplete


def _has_an_owner(incomplete: Incomplete) -> bool:
    """Whether a writer's lease or an upload under way still needs it."""
    return _is_leased(incomplete.key, timezone.now()) or parts_are_of_an_upload(incomplete)


def _is_leased(key: str, now: datetime) -> bool:
    return StoredObject.objects.filter(key=key, lease_until__gt=now).exists()
