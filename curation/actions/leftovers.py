"""What ended direct uploads leave in the store, and uploads that nobody asks for any more."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from curation.actions import inplace
from curation.actions.uploads import EXPIRED, KIND, State, end
from curation.models import Job, Upload
from curation.storage.base import ObjectStore
from curation.storage.errors import StoreError
from curation.storage.keys import is_incoming
from curation.storage.stores import object_store

log = logging.getLogger(__name__)

LATE = timedelta(hours=1)  # a PUT that began just before its link ended has come to its end after so long
BATCH = 500  # rows in memory


@dataclass(slots=True)
class Swept:
    """What a sweep did."""

    expired: int = 0
    cleared: int = 0  # ended uploads whose bytes were removed from incoming/
    failed: int = 0  # of these, the store refused; the next sweep tries again


def sweep(*, apply: bool = True, now: datetime | None = None) -> Swept:
    """Give up what nobody asks for any more, and remove what ended uploads left in incoming/.

    Removing is safe without the collector's lock: no row but the upload's own ever refers to an incoming key, and
    nothing is removed before every link that could write it again is dead. Parts go at once, for their links die
    with them. Twice at the same time is harmless. now: the present, for tests.
    """
    swept, now = Swept(), now or timezone.now()
    idle = Upload.objects.idle(now)
    if not apply:
        return Swept(expired=idle.count(), cleared=sum(1 for _ in _clearable(now)))
    for upload in idle.iterator(chunk_size=BATCH):
        if not _has_open_job(upload):
            swept.expired += end(upload, State.EXPIRED, error=EXPIRED)
    for upload in _clearable(max(now, timezone.now())):
        if _clear(upload, object_store()):
            swept.cleared += 1
        else:
            swept.failed += 1
    return swept


def _has_open_job(upload: Upload) -> bool:
    return Job.objects.filter(kind=KIND, key=str(upload.pk), state__in=["waiting", "running"]).exists()


def _clearable(now: datetime) -> Iterator[Upload]:
    links_dead = now - timedelta(seconds=settings.LINK_SECONDS) - LATE
    done = 0
    while page := list(Upload.objects.to_clear(now).filter(pk__gt=done).order_by("pk")[:BATCH]):
        yield from (upload for upload in page if upload.part_size or upload.finished_at <= links_dead)  # type: ignore[operator]
        done = page[-1].pk


def _clear(upload: Upload, store: ObjectStore) -> bool:
    """The collector removes what the ledger knows; the rest goes at once."""
    try:
        if upload.multipart_id:
            store.drop_parts(upload.incoming_key, upload.multipart_id)
        if is_incoming(upload.incoming_key):
            store.remove(upload.incoming_key)
        else:
            inplace.give_up(upload)
    except StoreError:
        log.warning("What an upload left could not be removed.", exc_info=True, extra={"object": upload.incoming_key})
        return False
    Upload.objects.filter(pk=upload.pk).update(cleared_at=timezone.now())
    return True
