"""The write protocol of `objects` for many objects at once: one statement takes the keys, threads do the transfers.

The threads see the store alone and never the database, so that there is one connection however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, wait
from datetime import timedelta
from typing import Any, TypeVar

from django.db import Error, connection, transaction
from django.utils import timezone

from accounts.refusals import Conflict
from curation.actions.objects import LEASE, PRESENT, SLOWEST, Claim, ClaimLost, Content, State, abandon
from curation.actions.refusing import store_errors
from curation.models import StoredObject
from curation.storage.stores import object_store

Result = TypeVar("Result")

TAKE_ALL = """
INSERT INTO curation_storedobject (key, sha256, size, content_type, state, lease_until, touched_at, created_at)
VALUES {rows}
ON CONFLICT (key) DO UPDATE SET lease_until = excluded.lease_until, touched_at = excluded.touched_at
WHERE curation_storedobject.state <> 'deleting'
RETURNING id, key, sha256, state
"""
ROW = "(%s, %s, %s, %s, 'writing', %s, %s, %s)"


def commit_all(contents: Sequence[Content], *, rows: Callable[[], Result], executor: Executor) -> Result:
    """As `commit` for many contents, once: who fails with ClaimLost or Conflict commits them one by one instead.

    Raises Busy and Full when the store does not take them. Nothing of it is committed then.
    """
    claims = _write_all({content.key: content for content in contents}, executor)
    try:
        with transaction.atomic():
            settle_all(claims)
            return rows()
    except BaseException:
        _tidy(claims)
        raise


def _tidy(claims: Iterable[Claim]) -> None:
    try:
        abandon(*claims)
    except Error:  # the leases end by themselves
        return


def _write_all(contents: dict[str, Content], executor: Executor) -> list[Claim]:
    """Make sure that every content is in the store. In the order of the keys, as everybody takes them."""
    if not contents:
        return []
    taken = _take_all([contents[key] for key in sorted(contents)])
    claims = [Claim(row_id, key, written=state != State.READY) for key, (row_id, state) in sorted(taken.items())]
    if len(taken) < len(contents):  # one is being deleted
        _tidy(claims)
        raise ClaimLost
    try:
        with store_errors():
            puts = [executor.submit(_put, contents[claim.key]) for claim in claims if claim.written]
            wait(puts)  # all of them: nobody may use the files any more when one has failed
            for put in puts:
                put.result()
    except BaseException:
        _tidy(claims)
        raise
    return claims


def _put(content: Content) -> None:
    spooled = content.spooled
    spooled.file.seek(0)
    object_store().put(
        content.key, spooled.file, size=spooled.size, sha256=spooled.sha256, content_type=content.content_type
    )


def _take_all(contents: Sequence[Content]) -> dict[str, tuple[int, str]]:
    """Take the ledger rows of all keys in one statement; id and state of each that is not being deleted."""
    now, moment = timezone.now(), connection.ops.adapt_datetimefield_value
    lease = now + LEASE + timedelta(seconds=sum(content.spooled.size for content in contents) / SLOWEST)
    values: list[Any] = []
    for content in contents:
        spooled = content.spooled
        values += [content.key, spooled.sha256, spooled.size, content.content_type]
        values += [moment(lease), moment(now), moment(now)]
    with connection.cursor() as cursor:
        cursor.execute(TAKE_ALL.format(rows=", ".join([ROW] * len(contents))), values)
        found = cursor.fetchall()
    digests = {content.key: content.spooled.sha256 for content in contents}
    if any(digests[key] != sha256 for _, key, sha256, _ in found):
        raise Conflict("Other content is stored under the same name; nothing was changed.")
    return {key: (row_id, state) for row_id, key, _, state in found}


def settle_all(claims: Sequence[Claim]) -> None:
    """As `settle`, by three statements: the rows are locked in the order of their keys, and none was collected."""
    if not claims:
        return
    ids = {claim.row_id for claim in claims}
    states = dict(
        StoredObject.objects.select_for_update(no_key=True)
        .filter(pk__in=ids)
        .order_by("key")
        .values_list("pk", "state")
    )
    now = timezone.now()
    written = {claim.row_id for claim in claims if claim.written}
    if any(states.get(row_id) not in (PRESENT if row_id not in written else WRITTEN) for row_id in ids):
        raise ClaimLost
    ready = {"state": State.READY, "lease_until": None, "touched_at": now}
    StoredObject.objects.filter(pk__in=written).update(**ready, verified_at=now)
    StoredObject.objects.filter(pk__in=ids - written).update(**ready)


WRITTEN = (*PRESENT, State.MISSING, State.DAMAGED)
