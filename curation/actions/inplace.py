"""Direct uploads that need no copy: the client's one PUT goes to the key where the picture will stay.

Beginning writes, with the upload's row, a ledger row for that key, `writing`, and leased for as long as the upload can
live; completing reads the bytes back and makes it `ready` (`settle`); the collector takes what was given up.

The key is the upload's own: the digest, some random digits, an extension guessed from the name. A key of the digest
alone, as other doors write it, would belong to several: somebody who only knows a digest could complete an upload of
bytes that others sent, and the links to a picture would tell who had it first. So nobody else writes here, and a link
that is used late writes the same bytes once more (the store takes no others, or there would be no such key).
The same picture of people who cannot see each other's is therefore kept once for each of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.prepared import Insert, Prepared
from curation.actions import objects
from curation.actions.objects import ClaimLost, Content, State
from curation.models import StoredObject, Upload
from curation.storage.keys import content_type_of, extension_of, is_incoming, own_media_key

LONGER = timedelta(days=7)  # than the upload: the sweep gives it up long before, where one runs

_insert = Insert(StoredObject)
_LOST = Prepared(lambda sha256: StoredObject.objects.lost().filter(sha256=sha256), sha256=str)
_OWN = Prepared(lambda key: StoredObject.objects.filter(key=key, state=State.WRITING), key=str)


def key_of(sha256: str, name: str, type: str) -> str:
    """A key where a file of that name and Media.Type can stay; "" when the name does not tell what it is."""
    extension = extension_of(name)
    kind = content_type_of(f".{extension}").partition("/")[0] if extension else ""
    return own_media_key(sha256, extension) if kind == type else ""


def stays(upload: Upload, content_type: str) -> bool:
    """Whether what the client wrote can stay where it is, being of that type."""
    return not is_incoming(upload.incoming_key) and content_type_of(upload.incoming_key) == content_type


def take(uploads: Collection[Upload]) -> None:
    """Within the transaction that begins the uploads: their keys are being written from now on."""
    _insert(
        *(
            StoredObject(
                key=upload.incoming_key,
                sha256=upload.sha256,
                size=upload.size,
                content_type=content_type_of(upload.incoming_key),
                lease_until=_lease(upload.expires_at),
            )
            for upload in uploads
            if not is_incoming(upload.incoming_key)
        )
    )


def prolong(upload: Upload) -> None:
    """The upload lives longer now, and so does the lease."""
    if not is_incoming(upload.incoming_key):
        _OWN.update({"lease_until": _lease(upload.expires_at)}, key=upload.incoming_key)


def _lease(expires_at: datetime) -> datetime:
    return expires_at + LONGER


def settle(keys: Collection[str]) -> None:
    """Within the transaction that makes rows refer to them: the objects are there, were read, and stay.

    Raises ClaimLost when one was given up: its upload has ended.
    """
    if len(keys) == 1:
        settled = sum(_OWN.update(_ready(), key=key) for key in keys)
    elif keys:
        rows = StoredObject.objects.select_for_update(no_key=True).filter(key__in=keys, state=State.WRITING)
        ids = list(rows.order_by("key").values_list("pk", flat=True))
        settled = StoredObject.objects.filter(pk__in=ids).update(**_ready())
    else:
        settled = 0
    if settled != len(keys):
        raise ClaimLost


def _ready() -> dict[str, object]:
    now = timezone.now()
    return {"state": State.READY, "lease_until": None, "touched_at": now, "verified_at": now}


def heal(contents: Sequence[Content]) -> None:
    """What the store has lost of the same bytes, whosever it is, it gets again from those that have come.

    Raises Busy, Full.
    """
    by_digest = {content.spooled.sha256: content for content in contents}
    if len(by_digest) == 1 and not _LOST.exists(sha256=next(iter(by_digest))):
        return
    for row in StoredObject.objects.lost().filter(sha256__in=by_digest):
        again = replace(by_digest[row.sha256], key=row.key, content_type=row.content_type)
        claims = objects.write([again])  # no transaction spans it
        with suppress(ClaimLost), transaction.atomic():
            objects.settle(*claims)


def give_up(upload: Upload) -> None:
    """The upload has ended and no link can write any more: unless the object stayed, the collector may have it."""
    now = timezone.now()
    _OWN.update({"lease_until": now, "touched_at": now}, key=upload.incoming_key)
