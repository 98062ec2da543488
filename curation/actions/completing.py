"""What a client wrote into the store becomes content: read back in full, hashed, told by its bytes, then committed.

What the client wrote where it is to stay (`inplace`) is committed there. Other small files are spooled and written
anew; what was hashed is then what is stored, whatever happens to the incoming object meanwhile. Other large ones are
hashed where they lie and copied inside the store, and the copy is compared with what was hashed. Hashing where it lies
is safe because nobody can write other bytes any more: parts are joined, and links to parts are dead from then on; a
link for one PUT takes only the bytes of the declared digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.actions.rights import recheck
from accounts.actor import Actor
from accounts.refusals import Busy, Conflict, Full, Invalid, NotFound, NotSupported, Refusal, TooLarge
from curation.actions import find, inplace, queue, uploads
from curation.actions import media as medias
from curation.actions.commit import commit
from curation.actions.content import picture_or_video
from curation.actions.many import settle_all
from curation.actions.objects import Claim, ClaimLost, Content, abandon, settle, write
from curation.actions.refusing import store_errors
from curation.actions.uploads import Arrival
from curation.actions.working import Work
from curation.models import Media, Upload
from curation.storage.errors import ObjectMissing
from curation.storage.spool import MIB, SMALL, Arrived, Spool, Spooled
from curation.storage.stores import object_store

State = Upload.State
HELD = 4 * MIB  # bytes of several files that are held at the same time
Keep = Callable[[Media], None]
Outcome = Media | Upload | Refusal
OF_THE_BYTES = (Invalid, NotSupported, TooLarge)  # refusals that another try would only repeat
NOT_ARRIVED = "The file has not arrived yet."


class Ended(Exception):
    """Somebody else ended the upload while its bytes were being committed."""


def complete(upload: Upload, *, by: Actor, keep: Keep = medias.keep_nothing, later: bool = False) -> Media | Upload:
    """Make the upload's bytes a media: at once (the media) or by a job (the upload, in state completing).

    later: by a job, however small it is.
    Again gives the same; of many at once one does it. A file that is not what was declared ends the upload.
    Raises Invalid (size, digest), NotSupported, TooLarge, Conflict (parts are missing, or it has ended), NotFound,
    Busy, Full.
    """
    if upload.state == State.DONE:
        media = uploads.media_of(upload)
        if media is None:
            raise NotFound("media", upload.media_id)
        return media
    if upload.state == State.COMPLETING:
        return _hand_over(upload, by)
    uploads.refuse_if_over(upload)
    if later or takes_long(upload):
        _require_arrived(upload)
        return _hand_over(upload, by)
    return _at_once(upload, by, keep)


def takes_long(upload: Upload) -> bool:
    """Whether it is left to a job."""
    return upload.size > settings.UPLOAD_INLINE_MAX_BYTES


def complete_many(ids: Sequence[int], *, by: Actor) -> dict[int, Outcome]:
    """Complete several uploads of the actor; what became of each, by its id. One that is refused stops no other.

    The small ones that make media are committed together: that is what many pictures of 100 kB wait for most.
    """
    mine = {row.pk: row for row in Upload.objects.filter(owner=by.access, pk__in=ids)}
    now = _as_fit_into_one_request([mine[pk] for pk in dict.fromkeys(ids) if pk in mine])
    found = _complete_together([row for row in now if row.makes_media], by)
    soon = {row.pk for row in now}
    for pk in dict.fromkeys(ids):
        if pk not in found:
            found[pk] = _outcome(partial(_complete_alone, pk, by, later=pk in mine and pk not in soon))
    return {pk: found[pk] for pk in dict.fromkeys(ids)}


def _as_fit_into_one_request(rows: Sequence[Upload]) -> list[Upload]:
    """The open ones that are read back at once: together no larger than a single one may be."""
    room, found = settings.UPLOAD_INLINE_MAX_BYTES, []
    for row in rows:
        if row.state == State.OPEN and not uploads.is_expired(row) and row.size <= room:
            room -= row.size
            found.append(row)
    return found


def _complete_alone(upload_id: int, by: Actor, *, later: bool) -> Media | Upload:
    if by.access is None:
        raise NotFound("uploads", upload_id)
    return complete(find.upload(upload_id, access=by.access), by=by, later=later)


def _outcome(act: Callable[[], Media | Upload]) -> Outcome:
    try:
        return act()
    except Refusal as refusal:
        return refusal


def _complete_together(rows: Sequence[Upload], by: Actor) -> dict[int, Outcome]:
    """Those of `rows` that came to an end: refused for their bytes, or committed in one transaction, all or none."""
    found: dict[int, Outcome] = {}
    ready: list[_Prepared] = []
    claims: list[Claim] = []
    try:
        for few in _few_at_a_time(rows):
            with ExitStack() as spooled:
                read = _read_few(few, spooled, found, by)
                inplace.heal([prepared.content for prepared in read if prepared.stays])
                claims += write([prepared.content for prepared in read if not prepared.stays])
                ready += read
        return found | _commit_together(ready, claims, by)
    except (ClaimLost, Ended, Refusal):  # one of them: each is tried alone, and told alone
        abandon(*claims)
        return found
    except Exception:
        abandon(*claims)
        raise


def _few_at_a_time(rows: Sequence[Upload]) -> Iterator[list[Upload]]:
    """In parts whose bytes are held together: one statement takes the keys of a part."""
    few: list[Upload] = []
    for upload in rows:
        if few and sum(each.size for each in few) + upload.size > HELD:
            yield few
            few = []
        few.append(upload)
    if few:
        yield few


def _read_few(rows: Sequence[Upload], spooled: ExitStack, found: dict[int, Outcome], by: Actor) -> list[_Prepared]:
    """Those that are what was declared; refusals go into `found`. Their bytes are there as long as `spooled`."""
    read: list[_Prepared] = []
    for upload in rows:
        try:
            with _refusing(upload):
                read.append(_prepared(upload, spooled.enter_context(_arrived_small(upload)), by))
        except Refusal as refusal:
            found[upload.pk] = refusal
    return read


@transaction.atomic
def _commit_together(ready: Sequence[_Prepared], claims: Sequence[Claim], by: Actor) -> dict[int, Outcome]:
    """As `_Prepared.place` for each, by a few statements for all."""
    if not ready:
        return {}
    inplace.settle([prepared.key for prepared in ready if prepared.stays])
    settle_all(claims)
    recheck(by)
    organisation_id = by.access.organisation_id if by.access else None
    described = [{"type": prepared.upload.type, **prepared.columns} for prepared in ready]
    media = medias.new_many(described, organisation_id=organisation_id, by=by)
    made = {prepared.upload.pk: row for prepared, row in zip(ready, media, strict=True)}
    if not uploads.end_all(made):
        raise Ended
    return {**made}


def _at_once(upload: Upload, by: Actor, keep: Keep) -> Media | Upload:
    try:
        with _refusing(upload), _arrived_small(upload) as spooled:
            return _store(upload, spooled, by, keep)
    except Ended:
        upload.refresh_from_db()
        return complete(upload, by=by)


def _hand_over(upload: Upload, by: Actor) -> Upload:
    """Leave it to a job; put again when an earlier one died."""
    with transaction.atomic():
        if not Upload.objects.under_way().filter(pk=upload.pk).update(state=State.COMPLETING):
            raise Conflict("This upload was ended a moment ago; look again.")
        queue.put(uploads.KIND, str(upload.pk), {"upload": upload.pk}, by=by)
    upload.state = State.COMPLETING
    return upload


def complete_upload(work: Work) -> None:
    """The job. payload: {"upload": id}. An upload that has ended meanwhile is nothing to do."""
    upload = Upload.objects.select_related("owner").filter(pk=work.payload["upload"], state=State.COMPLETING).first()
    if upload is None:
        return
    by = Actor(access=upload.owner, door="job")
    try:
        with _refusing(upload):
            _join(upload)
            work.progress(0, upload.size)
            _store(upload, _hashed_where_it_lies(upload, work), by, medias.keep_nothing)
    except Ended:
        return
    except Full as error:
        raise Busy(str(error)) from error
    except Busy:
        raise
    except Refusal as error:
        uploads.end(upload, State.REFUSED, error=str(error))
        raise


@contextmanager
def _refusing(upload: Upload) -> Iterator[None]:
    """What is wrong with the bytes ends the upload; what is wrong with the moment does not."""
    try:
        yield
    except OF_THE_BYTES as error:
        uploads.end(upload, State.REFUSED, error=str(error))
        raise


# --- What has arrived ------------------------------------------------------------------------------


def _require_arrived(upload: Upload) -> Arrival:
    """Raise Conflict while anything is missing."""
    arrived = uploads.arrival(upload)
    if arrived.missing and upload.part_size and uploads.is_joined(upload):  # while they were listed
        return uploads.whole(upload)
    if arrived.missing and upload.part_size:
        raise Conflict(f"{len(arrived.missing)} of {upload.parts_count} parts are missing.")
    if arrived.missing:
        raise Conflict(NOT_ARRIVED)
    return arrived


def _join(upload: Upload) -> None:
    """Make parts one object, after which nobody can change it."""
    arrived = _require_arrived(upload) if upload.part_size else None
    if arrived is None or arrived.is_one:
        return
    try:
        with store_errors():
            object_store().join_parts(upload.incoming_key, upload.multipart_id, arrived.found, size=upload.size)
    except Busy:
        if not uploads.arrival(upload).is_one:  # else another one joined them at the same moment
            raise


@contextmanager
def _arrived_small(upload: Upload) -> Iterator[Spooled]:
    _join(upload)
    with _read_back(upload) as spooled:
        yield spooled


@contextmanager
def _read_back(upload: Upload) -> Iterator[Spooled]:
    """The bytes on this machine, as they are in the store. Raises Invalid when they are not those declared."""
    with Spool(upload.size) as spooling:
        _fetch(upload, spooling)
        with store_errors():
            spooled = spooling.finish()
        _compare(upload, spooled.size, spooled.sha256)
        yield spooled


def _fetch(upload: Upload, spooling: Spool) -> None:
    try:
        with store_errors():
            for chunk in _chunks(upload):
                spooling.write(chunk)
    except ObjectMissing as error:
        raise Conflict(NOT_ARRIVED) from error
    except TooLarge as error:
        raise _wrong_size(upload) from error


def _chunks(upload: Upload) -> Iterator[bytes]:
    if upload.size <= SMALL:
        yield object_store().read_small(upload.incoming_key, upload.size)
    else:
        yield from object_store().read_chunks(upload.incoming_key)


def _hashed_where_it_lies(upload: Upload, work: Work) -> Arrived:
    """As `_read_back`, for files that are too large to be fetched."""
    sha, size = hashlib.sha256(), 0
    try:
        with store_errors():
            for chunk in object_store().read_chunks(upload.incoming_key):
                sha.update(chunk)
                size += len(chunk)
                work.progress(min(size, upload.size), upload.size)
    except ObjectMissing as error:
        raise Conflict(NOT_ARRIVED) from error
    _compare(upload, size, sha.hexdigest())
    file = object_store().open_ranged(upload.incoming_key, size)
    return Arrived(file, size, upload.sha256, upload.incoming_key, tick=lambda: work.progress(size, size))


def _compare(upload: Upload, size: int, sha256: str) -> None:
    if size != upload.size:
        raise _wrong_size(upload)
    if sha256 != upload.sha256:
        raise Invalid("The bytes received do not have this digest.", "body", "sha256", kind="value_error.sha256")


def _wrong_size(upload: Upload) -> Invalid:
    return Invalid(f"The file that arrived does not have the {upload.size} bytes declared.", "body", "size")


# --- What becomes of it ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What an upload turned out to be, and what is to be committed."""

    upload: Upload
    media: Media | None  # to fill
    columns: dict[str, Any]
    content: Content
    stays: bool  # where the client wrote it

    @property
    def key(self) -> str:
        return str(self.columns["file"])

    @property
    def replaced(self) -> str:
        before = self.media.file.name or "" if self.media else ""
        return before if before != self.key else ""

    def anew(self) -> _Prepared:
        """As it is done where the client's object cannot stay."""
        return replace(self, columns=self.columns | {"file": self.content.key}, stays=False)

    def place(self, by: Actor) -> Media:
        """Within the transaction: the media, and the end of the upload. Raises Ended."""
        placed = medias.place(self.media, type=self.upload.type, columns=self.columns, by=by)
        if not uploads.end(self.upload, State.DONE, media_id=placed.pk):
            raise Ended
        return placed


def _prepared(upload: Upload, source: Spooled | Arrived, by: Actor) -> _Prepared:
    """Identify the bytes. Raises NotSupported, TooLarge; NotFound and the like for the media to fill."""
    media = _to_fill(upload, by)
    with store_errors():
        identified = picture_or_video(source, media_type=media.type if media else upload.type)
    columns = uploads.said_of(upload) | medias.file_columns(identified, source, upload.name, into=media)
    content = Content(columns["file"], source, identified.content_type)
    has_it = media is not None and media.sha256 == upload.sha256
    if stays := inplace.stays(upload, identified.content_type) and not has_it:
        columns["file"] = upload.incoming_key
    return _Prepared(upload, media, columns, content, stays)


def _store(upload: Upload, source: Spooled | Arrived, by: Actor, keep: Keep) -> Media:
    """Commit object, media and the end of the upload together. Raises Ended."""
    prepared = _prepared(upload, source, by)

    def rows() -> Media:
        recheck(by)
        placed = prepared.place(by)
        keep(placed)
        return placed

    if prepared.stays:
        inplace.heal([prepared.content])
        with suppress(ClaimLost):
            return _commit_in_place(prepared, rows)
        if not Upload.objects.under_way().filter(pk=upload.pk).exists():
            raise Ended
        prepared = prepared.anew()  # nobody asked for it for so long that its lease ran out
    return commit(prepared.content, rows=rows, replaced=prepared.replaced)


@transaction.atomic
def _commit_in_place(prepared: _Prepared, rows: Callable[[], Media]) -> Media:
    inplace.settle([prepared.key])
    settle(replaced=prepared.replaced)
    return rows()


def _to_fill(upload: Upload, by: Actor) -> Media | None:
    """The announced media as it is now; None where one is to be made. Raises what a change of it raises."""
    if upload.makes_media or by.access is None:
        return None
    media = find.media(upload.media_id or 0, access=by.access)
    find.changeable(media, access=by.access)
    return media
