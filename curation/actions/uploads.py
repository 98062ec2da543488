"""Direct uploads: clients write into the store by signed links, and nothing is a media before it was read back.

    begin -> OPEN -- complete --> (COMPLETING, a job reads back) --> DONE, with its media
                  \\-- cancel, sweep, refused --> CANCELLED, EXPIRED, REFUSED: nothing of it is kept

What a client writes lies at the upload's incoming key. Where the store allows it, and for a file that comes by one
PUT, that is the key where it stays (`inplace`), with a row in the ledger. Else it lies below incoming/. Such a key
belongs to the upload's row, as other keys belong to their ledger row: the row is there before the object, it names no
content, and no FileField ever refers to it. So `leftovers.sweep` may remove the object on its own, once the upload has
ended and no link can write it any more; until then the collector and check_storage look past it
(`references.keys_of_uploads`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.actions.audit import record
from accounts.actions.rights import recheck
from accounts.actor import Actor
from accounts.prepared import Insert, Prepared, Statement
from accounts.refusals import Conflict, TooLarge
from curation.actions import inplace
from curation.actions import media as medias
from curation.actions.content import limit_of
from curation.actions.objects import ClaimLost, settle
from curation.actions.refusing import store_errors
from curation.actions.twins import Twin, twins_of
from curation.models import Media, Upload
from curation.storage.direct import Part, PutLink, part_size_of
from curation.storage.errors import StoreError, UploadGone
from curation.storage.keys import incoming_key
from curation.storage.spool import in_words
from curation.storage.stores import object_store

_insert = Insert(Upload)
_UNDER_WAY = Prepared(lambda upload_id: Upload.objects.under_way().filter(pk=upload_id), upload_id=int)
_COUNT = Statement(
    "uploads_under_way", "SELECT COUNT(*) FROM curation_upload WHERE owner_id = %s AND finished_at IS NULL"
)

PROLONGED_AFTER = timedelta(hours=1)  # asking again sooner writes nothing
LINKS = 100  # links to parts that are given at a time
KIND = "complete_upload"  # of the job
END_ALL = """
UPDATE curation_upload SET state = 'done', error = '', finished_at = %s, media_id = made.column2
FROM (VALUES {pairs}) AS made
WHERE id = made.column1 AND finished_at IS NULL
"""

State = Upload.State


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that a client has, and where it is to go."""

    name: str  # made harmless already
    size: int  # bytes
    sha256: str  # 64 lower-case hex digits
    type: str  # Media.Type
    media: Media | None = None  # to fill, one that the actor may change; None makes one
    described: dict[str, Any] = field(default_factory=dict)  # what is said of the one that is made, by its columns


Begun = Upload | Media  # a media where no byte has to travel
Keep = Callable[[list[Begun]], None]


# --- Beginning -------------------------------------------------------------------------------------


def begin(wanted: Sequence[Wanted], *, by: Actor, keep: Keep = medias.keep_nothing) -> list[Begun]:
    """Begin an upload for each, all or none; the links are in `links_of`.

    Bytes that the actor can already see as some media do not travel again: a new media row (or the announced one)
    then refers to the same object, as an import of the same bytes under another name does. Bytes that only others
    may see are uploaded in full, so that the answer never tells whether somebody else has them.
    Raises TooLarge, Conflict (too many under way; requests at the same moment may pass by a few), Busy.
    """
    for one in wanted:
        if one.size > limit_of(one.type):
            raise TooLarge(f"The file is larger than {in_words(limit_of(one.type))}.")
    try:
        begun = _begun(wanted, _seen(wanted, by), by, keep)
    except ClaimLost:  # the collector took one of the twins
        begun = _begun(wanted, {}, by, keep)
    for upload in begun:
        if isinstance(upload, Upload) and upload.part_size:
            _open_for_parts(upload)
    return begun


@transaction.atomic
def _begun(wanted: Sequence[Wanted], twins: dict[str, Twin], by: Actor, keep: Keep) -> list[Begun]:
    known = [twins.get(one.sha256) for one in wanted]
    settle(*(twin.claim for twin in known if twin))
    recheck(by)
    uploads = [_new(one, by) for one, twin in zip(wanted, known, strict=True) if not twin]
    _refuse_too_many(len(uploads), by)
    _insert(*uploads)
    inplace.take(uploads)
    saved = iter(uploads)
    begun: list[Begun] = [
        medias.place(one.media, type=one.type, columns=twin.columns(one.name) | one.described, by=by)
        if twin
        else next(saved)
        for one, twin in zip(wanted, known, strict=True)
    ]
    keep(begun)
    return begun


def _seen(wanted: Sequence[Wanted], by: Actor) -> dict[str, Twin]:
    return twins_of({one.sha256: (one.size, one.type) for one in wanted}, by.access) if by.access else {}


def _new(one: Wanted, by: Actor) -> Upload:
    is_whole, stays = False, False
    if one.size <= settings.UPLOAD_PUT_MAX_BYTES:
        with store_errors():  # a store that does not verify would let a late PUT replace what was read back
            is_whole, stays = object_store().binds_content(), object_store().keeps_in_place()
    key = inplace.key_of(one.sha256, one.name, one.type) if stays else ""
    return Upload(
        owner=by.access,
        media=one.media,
        makes_media=one.media is None,
        type=one.type,
        name=one.name,
        size=one.size,
        sha256=one.sha256,
        described={name: _as_text(value) for name, value in one.described.items()},
        incoming_key=key or incoming_key(),
        part_size=None if is_whole else part_size_of(one.size),
        expires_at=timezone.now() + settings.UPLOAD_IDLE,
    )


def _as_text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def said_of(upload: Upload) -> dict[str, Any]:
    """What its client said of the media that it makes, as columns."""
    said = dict(upload.described)
    if text := said.get("captured_at"):
        said["captured_at"] = datetime.fromisoformat(text)
    return medias.with_basis(said)


def _refuse_too_many(more: int, by: Actor) -> None:
    most = settings.UPLOADS_UNDER_WAY
    if not more or by.access is None:
        return
    with connection.cursor() as cursor:
        _COUNT.run(cursor, [by.access.pk])
        if cursor.fetchone()[0] + more > most:
            raise Conflict(f"An access may have {most} uploads under way; complete or cancel some first.")


def _open_for_parts(upload: Upload) -> None:
    """Ask the store for parts: at first; and again when a process died before it noted them, or they are gone."""
    former = upload.multipart_id
    with store_errors():
        upload.multipart_id = object_store().begin_parts(upload.incoming_key)
    noted = Upload.objects.under_way().filter(pk=upload.pk, multipart_id=former)
    if not noted.update(multipart_id=upload.multipart_id):
        with suppress(StoreError):  # else the collector finds it
            object_store().drop_parts(upload.incoming_key, upload.multipart_id)
        upload.refresh_from_db()


# --- How far it is ---------------------------------------------------------------------------------


@dataclass(slots=True)
class Arrival:
    """What of an upload is in the store."""

    size: int = 0  # bytes
    parts: int = 0
    missing: list[int] = field(default_factory=list)  # numbers of parts; [0] = the one PUT
    found: list[Part] = field(default_factory=list)
    is_one: bool = False  # there is nothing to join: it came by one PUT, or its parts have been joined


def arrival(upload: Upload) -> Arrival:
    """Ask the store what has arrived. A part of another size than agreed counts as missing, to be sent again.

    Raises Busy.
    """
    with store_errors():
        if not upload.part_size:
            stat = object_store().stat(upload.incoming_key)
            return Arrival(size=stat.size if stat else 0, missing=[] if stat else [0], is_one=True)
        try:
            parts = list(object_store().parts(upload.incoming_key, upload.multipart_id))
        except UploadGone:
            return _joined(upload)
    found = [part for part in parts if _is_as_agreed(upload, part)]
    numbers = {part.number for part in found}
    missing = [number for number in range(1, upload.parts_count + 1) if number not in numbers]
    return Arrival(sum(part.size for part in found), len(found), missing, found)


def _joined(upload: Upload) -> Arrival:
    """The parts are gone: because they are one object now, or because somebody cleared the store of them."""
    if is_joined(upload):
        return whole(upload)
    _open_for_parts(upload)
    return _nothing(upload)


def is_joined(upload: Upload) -> bool:
    """Whether the parts have become one object. Raises Busy."""
    with store_errors():
        stat = object_store().stat(upload.incoming_key)
    return stat is not None and stat.size == upload.size


def whole(upload: Upload) -> Arrival:
    return Arrival(upload.size, upload.parts_count, is_one=True)


def _nothing(upload: Upload) -> Arrival:
    return Arrival(missing=list(range(1, upload.parts_count + 1)) if upload.part_size else [0])


def _is_as_agreed(upload: Upload, part: Part) -> bool:
    return 1 <= part.number <= upload.parts_count and part.size == upload.part_length(part.number)


@dataclass(frozen=True, slots=True)
class Link:
    number: int  # of the part; 0 = the one PUT
    size: int  # bytes to send
    link: PutLink


@dataclass(frozen=True, slots=True)
class Progress:
    """An upload as its client is told of it. `more`: links to parts behind the last one are to be had."""

    upload: Upload
    arrived: Arrival
    links: list[Link]
    more: bool = False


def progress(upload: Upload, *, after: int = 0, fresh: bool = False) -> Progress:
    """How far an upload is, with links for what is missing: that is how a client resumes. It lives on by being asked.

    after: a part's number; links begin behind it. fresh: it has just begun, so that the store need not be asked.
    Raises Busy.
    """
    if upload.state != State.OPEN or is_expired(upload):
        return Progress(upload, Arrival(), [])
    if upload.part_size and not upload.multipart_id:
        _open_for_parts(upload)
    arrived = _nothing(upload) if fresh else arrival(upload)
    missing = [number for number in arrived.missing if number > after or not number]
    _prolong(upload)
    links = [_link(upload, number) for number in missing[:LINKS]]
    return Progress(upload, arrived, links, more=len(missing) > LINKS)


def _link(upload: Upload, number: int) -> Link:
    store, key, seconds = object_store(), upload.incoming_key, settings.LINK_SECONDS
    if not number:
        return Link(0, upload.size, store.put_link(key, size=upload.size, sha256=upload.sha256, seconds=seconds))
    size = upload.part_length(number)
    return Link(number, size, store.part_link(key, upload.multipart_id, number, size=size, seconds=seconds))


def _prolong(upload: Upload) -> None:
    until = timezone.now() + settings.UPLOAD_IDLE
    if until - upload.expires_at > min(PROLONGED_AFTER, settings.UPLOAD_IDLE / 2):
        Upload.objects.filter(pk=upload.pk, state=State.OPEN).update(expires_at=until)
        upload.expires_at = until
        inplace.prolong(upload)


def is_expired(upload: Upload) -> bool:
    """Whether nobody asked for it in time, swept or not."""
    return upload.state == State.EXPIRED or (upload.state == State.OPEN and upload.expires_at <= timezone.now())


# --- Ending ----------------------------------------------------------------------------------------


def end(upload: Upload, state: str, *, error: str = "", **columns: Any) -> bool:
    """End an upload that is under way; False when somebody else has ended it. columns: such as media_id."""
    columns |= {"state": state, "error": error[:500], "finished_at": timezone.now()}
    if not _UNDER_WAY.update(columns, upload_id=upload.pk):
        return False
    for name, value in columns.items():
        setattr(upload, name, value)
    return True


def end_all(made: dict[int, Media]) -> bool:
    """Within the transaction that made the media of these uploads, by their ids: they are done.

    False when somebody else has ended one of them; then the transaction is to be given up.
    """
    now, pairs = connection.ops.adapt_datetimefield_value(timezone.now()), ", ".join(["(%s, %s)"] * len(made))
    values = [value for upload_id, row in made.items() for value in (upload_id, row.pk)]
    with connection.cursor() as cursor:
        cursor.execute(END_ALL.format(pairs=pairs), [now, *values])
        return int(cursor.rowcount) == len(made)


def media_of(upload: Upload) -> Media | None:
    """The media that a complete upload made or filled, unless it was deleted since."""
    if upload.state != State.DONE or upload.media_id is None:
        return None
    return Media.objects.living().filter(pk=upload.media_id).first()


EXPIRED = "Nobody asked for this upload in time; begin anew."
CANCELLED = "This upload was cancelled."


def refuse_if_over(upload: Upload) -> None:
    """Raise Conflict, with the reason, unless the upload is under way."""
    if is_expired(upload):
        raise Conflict(EXPIRED)
    if upload.finished_at is not None:
        raise Conflict(upload.error or CANCELLED)


def cancel(upload: Upload, *, by: Actor) -> Upload:
    """Give an upload up; one that has ended otherwise stays as it ended. Raises Conflict when it is complete."""
    before = upload.state
    with transaction.atomic():
        if end(upload, State.CANCELLED):
            record("upload.cancel", upload, by=by, before={"state": before}, after={"state": State.CANCELLED})
            return upload
    upload.refresh_from_db()
    if upload.state == State.DONE:
        raise Conflict("This upload is complete; delete the media instead.")
    return upload
