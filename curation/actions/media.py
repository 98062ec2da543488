"""Announce, describe, fill and delete media."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.actions.audit import record, record_all
from accounts.actions.rights import recheck
from accounts.actor import Actor
from accounts.names import fold
from accounts.prepared import Insert, Prepared
from accounts.refusals import Conflict, NotFound
from curation.actions import derived, places
from curation.actions.commit import commit
from curation.actions.content import picture_or_video
from curation.actions.objects import Content
from curation.imaging.sniff import Content as Identified
from curation.models import Annotation, Media, Origin
from curation.storage.keys import media_key
from curation.storage.spool import Arrived, Spooled

_insert = Insert(Media)
_AS_SEEN = Prepared(
    lambda media_id, version: Media.objects.living().filter(pk=media_id, version=version), media_id=int, version=int
)
FASTER = "Somebody else changed this media a moment ago; look again."

Keep = Callable[[Media], None]


def keep_nothing(row: object) -> None:
    """No receipt was asked for."""


def create(
    *,
    type: str = Media.Type.IMAGE,
    by: Actor,
    keep: Keep = keep_nothing,
    **described: Any,
) -> Media:
    """Announce a media; its bytes follow. `keep` runs in the same transaction."""
    with transaction.atomic():
        media = new(type=type, by=by, **described)
        keep(media)
    return media


def new(*, type: str, by: Actor, **columns: Any) -> Media:
    """Insert a media within a transaction of the caller, stamped with who sends it."""
    organisation = by.access.organisation_id if by.access else None
    media = Media(type=type, owner=by.access, organisation_id=organisation, **with_basis(columns))
    _insert(media)
    after = {"type": type} | {name: _plain(value) for name, value in columns.items() if name in ("file", "sha256")}
    record("media.create", media, by=by, after=after)
    places.ask([media], by=by)
    if media.file:
        derived.ask(media, by=by)
    return media


def new_many(described: Sequence[dict[str, Any]], *, organisation_id: int | None, by: Actor) -> list[Media]:
    """As `new`, for many that have their files. Each of `described`: its type, file_columns(), and what is known."""
    rows = [Media(owner=by.access, organisation_id=organisation_id, **columns) for columns in described]
    _insert(*rows)
    told = {row.pk: {"type": row.type, "file": row.file.name, "sha256": row.sha256} for row in rows}
    record_all("media.create", "media", told, by=by)
    derived.ask_all(rows, by=by)
    places.ask(rows, by=by)
    return rows


def with_basis(columns: dict[str, Any]) -> dict[str, Any]:
    """Say where a capture time comes from that a client gave or took away."""
    if "captured_at" not in columns:
        return columns
    known = columns["captured_at"] is not None
    return {**columns, "captured_basis": Media.Basis.CLIENT if known else Media.Basis.NONE}


def _plain(value: Any) -> Any:
    """A value as the audit keeps it."""
    return value if isinstance(value, (int, float, bool, str, type(None))) else str(value)


def change(media: Media, columns: dict[str, Any], *, action: str, by: Actor) -> Media:
    """Set columns of a media from the state that was read, within a transaction of the caller.

    Raises Conflict when it changed since, NotFound when it was deleted.
    """
    before = {name: _plain(_raw(media, name)) for name in columns}
    changed = columns | {"version": media.version + 1, "updated_at": timezone.now()}
    if not _AS_SEEN.update(changed, media_id=media.pk, version=media.version):
        raise _why_not(media)
    for name, value in changed.items():
        setattr(media, name, value)
    record(action, media, by=by, before=before, after={name: _plain(value) for name, value in columns.items()})
    return media


def _raw(media: Media, name: str) -> Any:
    value = getattr(media, name)
    return value.name if name == "file" else value


def _why_not(media: Media) -> Exception:
    living = Media.objects.living().filter(pk=media.pk).exists()
    return Conflict(FASTER) if living else NotFound("media", media.pk)


def describe(media: Media, described: dict[str, Any], *, by: Actor) -> Media:
    """Set what is known about a media: capture time, camera, position. Raises Conflict, NotFound."""
    if not described:
        return media
    with transaction.atomic():
        media = change(media, with_basis(described), action="media.describe", by=by)
        places.ask_again(media, described, version=media.version, by=by)
    return media


def set_type(media: Media, type: str, *, by: Actor) -> Media:
    """Change what a media promises to be. Raises Conflict when its stored content is something else."""
    if type == media.type:
        return media
    if media.file:
        raise Conflict(f"The stored file is {media.content_type}, which is not of type {type}.")
    with transaction.atomic():
        return change(media, {"type": type}, action="media.type", by=by)


def accept(media: Media, spooled: Spooled, *, name: str = "", by: Actor, keep: Keep = keep_nothing) -> Media:
    """Make verified bytes the content of `media`; the one place where that happens.

    The same bytes again change nothing. The bytes that were there before stay readable until the commit,
    and are held for a while after it.
    Raises NotSupported, TooLarge, Conflict, NotFound, Busy, Full.
    """
    identified = picture_or_video(spooled, media_type=media.type)
    columns = file_columns(identified, spooled, name, into=media)
    content = Content(columns["file"], spooled, identified.content_type)

    def rows() -> Media:
        recheck(by)
        filled = _fill(media, columns, by)
        keep(filled)
        return filled

    replaced = media.file.name or "" if media.file.name != content.key else ""
    return commit(content, rows=rows, replaced=replaced)


def create_with(spooled: Spooled, *, type: str, name: str = "", by: Actor, **described: Any) -> Media:
    """A media and its content at once: both, or neither.

    Raises NotSupported, TooLarge, Busy, Full.
    """
    identified = picture_or_video(spooled, media_type=type)
    columns = file_columns(identified, spooled, name)

    def rows() -> Media:
        recheck(by)
        return _fill(new(type=type, by=by, **described), columns, by)

    return commit(Content(columns["file"], spooled, identified.content_type), rows=rows)


def file_columns(
    identified: Identified, spooled: Spooled | Arrived, name: str, *, into: Media | None = None
) -> dict[str, Any]:
    """The columns that a file fills, from what it is and never from what it is called.

    into: the media that it is for. The bytes that it has already go where they are, which heals them.
    """
    is_same = into is not None and into.sha256 == spooled.sha256
    return {
        "file": into.file.name if into and is_same else media_key(spooled.sha256, identified.extension),
        "sha256": spooled.sha256,
        "size": spooled.size,
        "content_type": identified.content_type,
        "original_name": name,
        "name_folded": fold(name)[:255],
        "width": identified.width,
        "height": identified.height,
        "orientation": identified.orientation,
        "duration": identified.duration,
    }


TOLD_BY_BYTES = ("sha256", "size", "content_type", "width", "height", "orientation", "duration")


def columns_of_twin(twin: Media, name: str) -> dict[str, Any]:
    """The columns that a file fills, from a media that has the same bytes."""
    told = {column: getattr(twin, column) for column in TOLD_BY_BYTES}
    return told | {"file": twin.file.name, "original_name": name, "name_folded": fold(name)[:255]}


def place(media: Media | None, *, type: str, columns: dict[str, Any], by: Actor) -> Media:
    """Within a transaction that settles their object: make a media of these columns, or fill the one given.

    Raises Conflict, NotFound.
    """
    return new(type=type, by=by, **columns) if media is None else _fill(media, columns, by)


def _fill(media: Media, columns: dict[str, Any], by: Actor) -> Media:
    if media.file and media.sha256 != columns["sha256"] and _is_settled(media):
        raise Conflict("People have decided on this picture; its file cannot be replaced any more.")
    if media.sha256 != columns["sha256"]:
        with suppress(Conflict):
            return _exchange(media, columns, by)
    return _same_bytes(media, columns["sha256"])


def _exchange(media: Media, columns: dict[str, Any], by: Actor) -> Media:
    """Give the media its file, and with another one before it forget what that one told. Raises Conflict, NotFound."""
    if is_replaced := bool(media.file):
        columns = columns | derived.withdrawn(media)
    change(media, columns, action="media.upload", by=by)
    if is_replaced:
        derived.forget([media.pk])
        places.ask_again(media, columns, version=media.version, by=by)
    derived.ask(media, by=by)
    return media


def _same_bytes(media: Media, sha256: str) -> Media:
    """The media as it is now, when these bytes are there already: sent before, or by somebody else."""
    current = Media.objects.living().filter(pk=media.pk).first()
    if current is None:
        raise NotFound("media", media.pk)
    if current.sha256 != sha256:
        raise Conflict(FASTER)
    return current


def _is_settled(media: Media) -> bool:
    return Annotation.objects.living().filter(media=media, origin=Origin.HUMAN).exists()


def delete(media: Media, *, by: Actor) -> None:
    """Mark a media as deleted: hidden at once, its bytes freed after a while.

    The mark is set before annotations are looked for: whoever adds one at the same moment waits for this
    row's lock, and then finds it deleted (`annotations.create`).
    Raises Conflict when it has annotations.
    """
    now = timezone.now()
    with transaction.atomic():
        seen = Media.objects.living().filter(pk=media.pk, version=media.version)
        if not seen.update(deleted_at=now, deleted_by=by.access, updated_at=now, version=F("version") + 1):
            raise _why_not(media)
        if Annotation.objects.filter(media=media, deleted_at=None).exists():
            raise Conflict("This media has annotations; delete them first.")
        record(
            "media.delete", media, by=by, before={"type": media.type, "file": media.file.name, "sha256": media.sha256}
        )
