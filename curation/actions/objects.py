"""How bytes get into the store: object first, row second, no lock and no transaction over a transfer.

T1 `write` takes the ledger row of each key (a lease), and writes the object unless it is there.
T2 `settle`, inside the caller's transaction, marks the ledger row ready. It finds the row gone when the
collector was faster; then nothing is committed and the caller begins again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.prepared import Prepared, Statement
from accounts.refusals import Busy, Conflict
from curation.actions.refusing import store_errors
from curation.actions.working import Stopped
from curation.models import StoredObject
from curation.storage.errors import ObjectMissing
from curation.storage.spool import Arrived, Spooled
from curation.storage.stores import object_store

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)  # for a small object; a large one gets the time that it needs at SLOWEST
SLOWEST = 256 * 1024  # bytes per second of a transfer that still makes progress
PATIENCE = 20  # looks at a key that is being deleted, a tenth of a second apart
ATTEMPTS = 3  # to store and commit, when the collector came between

State = StoredObject.State
PRESENT = (State.WRITING, State.READY)
MET = Prepared(lambda row_id: StoredObject.objects.filter(pk=row_id, state__in=PRESENT), row_id=int)
WRITTEN = Prepared(lambda row_id: StoredObject.objects.filter(pk=row_id).exclude(state=State.DELETING), row_id=int)


class ClaimLost(Exception):
    """The collector took the key between write and commit; begin again."""


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes with the key and the content type they will be stored under."""

    key: str
    spooled: Spooled | Arrived
    content_type: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A ledger row that this writer has touched, and the bytes now behind it."""

    row_id: int  # the epoch of the key: a key that was collected comes back under another id
    key: str
    written: bool  # False: the object was there already


def write(contents: Sequence[Content]) -> list[Claim]:
    """Make sure that the objects of `contents` are in the store; return the claims to settle in the commit.

    Their bytes are on this machine, or in the store already.
    Raises Busy when the store does not answer or a key is being deleted, Full when the disk is.
    """
    if not contents:
        return []
    taken = _take(contents)
    try:
        return [_put(content, taken[key]) for key, content in {content.key: content for content in contents}.items()]
    except (Exception, Stopped):
        _give_up(*(row.row_id for row in taken.values()))
        raise


def _put(content: Content, taken: _Taken) -> Claim:
    if taken.sha256 != content.spooled.sha256:
        log.error("Two contents share the first 128 bits of their digest.", extra={"object": content.key})
        raise Conflict("Other content is stored under the same name; nothing was changed.")
    if taken.state == State.READY:
        return Claim(taken.row_id, content.key, written=False)
    with store_errors():
        _send(content)
    return Claim(taken.row_id, content.key, written=True)


def _send(content: Content) -> None:
    source = content.spooled
    told: dict[str, Any] = {"size": source.size, "sha256": source.sha256, "content_type": content.content_type}
    if isinstance(source, Spooled):
        source.file.seek(0)
        object_store().put(content.key, source.file, **told)
        return
    try:
        object_store().copy(source.key, content.key, **told, tick=source.tick)
    except ObjectMissing as error:
        raise Conflict("The file is gone; its upload was ended a moment ago.") from error


@dataclass(frozen=True, slots=True)
class _Taken:
    """The ledger row of a key, as it is after this writer has touched it."""

    row_id: int
    sha256: str
    state: str


def _take(contents: Sequence[Content]) -> dict[str, _Taken]:
    """All keys by one statement, in their order, so that two writers of the same keys cannot wait for each other."""
    ordered = sorted({content.key: content for content in contents}.values(), key=lambda content: content.key)
    for _ in range(PATIENCE):
        values = [value for content in ordered for value in _ledger_values(content)]
        with connection.cursor() as cursor:
            _take_statement(len(ordered)).run(cursor, values)
            taken = {key: _Taken(*row) for key, *row in cursor.fetchall()}
        if len(taken) == len(ordered):
            return taken
        time.sleep(0.1)
    _give_up(*(row.row_id for row in taken.values()))
    raise Busy("The same content is being deleted at this moment; try again.", retry_after=2)


def _ledger_values(content: Content) -> list[Any]:
    moment, now, size = connection.ops.adapt_datetimefield_value, timezone.now(), content.spooled.size
    lease = now + LEASE + timedelta(seconds=size / SLOWEST)
    return [content.key, content.spooled.sha256, size, content.content_type, moment(lease), moment(now), moment(now)]


@cache
def _take_statement(size: int) -> Statement:
    """New rows or touched ones, in one statement that needs no transaction; none for a key that is being deleted."""
    rows = ", ".join(["(%s, %s, %s, %s, 'writing', %s, %s, %s)"] * size)
    return Statement(
        "take_storedobject",
        f"""
INSERT INTO curation_storedobject (key, sha256, size, content_type, state, lease_until, touched_at, created_at)
VALUES {rows}
ON CONFLICT (key) DO UPDATE SET lease_until = excluded.lease_until, touched_at = excluded.touched_at
WHERE curation_storedobject.state <> 'deleting'
RETURNING key, id, sha256, state
""",  # noqa: S608  # nosec B608
    )


def settle(*claims: Claim, replaced: str = "") -> None:
    """Within the transaction that makes rows refer to the keys: mark them ready; hold the key `replaced` for a while.

    Rows are touched in the order of their keys, so that two exchanges cannot wait for each other.
    Raises ClaimLost.
    """
    now = timezone.now()
    steps = {claim.key: claim for claim in claims}
    for key in sorted({*steps, replaced} - {""}):
        if key in steps:
            _settle_one(steps[key], now)
        else:
            StoredObject.objects.filter(key=key).update(hold_until=now + settings.DELETED_KEPT)


def _settle_one(claim: Claim, now: datetime) -> None:
    columns = {"state": State.READY, "lease_until": None, "touched_at": now}
    if claim.written:
        settled = WRITTEN.update(columns | {"verified_at": now}, row_id=claim.row_id)
    else:
        settled = MET.update(columns, row_id=claim.row_id)
    if not settled:
        raise ClaimLost


def let_go(keys: Collection[str]) -> None:
    """Within the transaction that ends references to `keys`: their grace begins now, unless they are held for longer.

    Rows that a writer holds are touched by him.
    """
    if keys:
        rows = StoredObject.objects.select_for_update(skip_locked=True).filter(key__in=list(keys))
        StoredObject.objects.filter(pk__in=[row.pk for row in rows]).update(touched_at=timezone.now())


def abandon(*claims: Claim) -> None:
    """The commit was refused: nothing of ours refers to the keys."""
    _give_up(*(claim.row_id for claim in claims))


def _give_up(*ids: int) -> None:
    """Let the collector tidy up without waiting for the leases.

    A lease that ends at the last touch was given up; one that ends later ran out, because its writer died.
    """
    now = timezone.now()
    StoredObject.objects.filter(pk__in=ids, state=State.WRITING).update(lease_until=now, touched_at=now)
