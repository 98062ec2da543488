"""Announce, fill, move and delete annotations. Each upload appends a revision; nothing that was sent is overwritten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.actions.audit import record
from accounts.actions.rights import recheck
from accounts.actor import Actor
from accounts.prepared import Insert, Prepared
from accounts.refusals import Conflict, NotFound
from curation.actions import queue, regions
from curation.actions.commit import commit
from curation.actions.content import annotation as identify
from curation.actions.media import keep_nothing
from curation.actions.objects import Content
from curation.actions.regions import Said
from curation.imaging.text import TextContent
from curation.models import Annotation, AnnotationRevision, Media, Origin, origin_of_upload_by
from curation.storage.keys import annotation_key
from curation.storage.spool import Spooled

_insert, _insert_revision = Insert(Annotation), Insert(AnnotationRevision)
_AS_SEEN = Prepared(Annotation.objects.as_seen, row_id=int, version=int)
_HELD_STILL = Prepared(
    lambda media_id: Media.objects.living().select_for_update(no_key=True).filter(pk=media_id), media_id=int
)
_LIVING = Prepared(lambda row_id: Annotation.objects.living().filter(pk=row_id), row_id=int)
FASTER = "Somebody else changed this annotation a moment ago; look again."

Keep = Callable[[Annotation], None]


def create(media: Media, *, by: Actor, keep: Keep = keep_nothing) -> Annotation:
    """Announce an annotation of a media; its file follows. Raises NotFound when the media was deleted meanwhile."""
    with transaction.atomic():
        hold_still(media)
        annotation = new(media, by=by)
        keep(annotation)
    return annotation


def hold_still(media: Media) -> None:
    """Keep the media from being deleted until the commit (SQLite has one writer at a time, and ignores the lock)."""
    if _HELD_STILL.first(media_id=media.pk) is None:
        raise NotFound("media", media.pk)


def new(media: Media, *, by: Actor) -> Annotation:
    """Insert an annotation within a transaction of the caller."""
    origin = origin_of_upload_by(by.access)
    annotation = Annotation(media=media, owner=by.access, origin=origin)
    _insert(annotation)
    record("annotation.create", annotation, by=by, after={"media_id": media.pk, "origin": origin})
    return annotation


def move(annotation: Annotation, media: Media, *, by: Actor) -> Annotation:
    """Say that an annotation belongs to another media. Raises Conflict, NotFound."""
    if annotation.media_id == media.pk:
        return annotation
    before = {"media_id": annotation.media_id}
    try:
        with transaction.atomic():
            hold_still(media)
            _change(annotation, media_id=media.pk)
            regions.move(annotation)
            record("annotation.move", annotation, by=by, before=before, after={"media_id": media.pk})
    except IntegrityError as error:
        raise Conflict("That media has a human layer already.") from error
    return annotation


def _change(annotation: Annotation, **columns: Any) -> None:
    """Set columns from the state that was read. Raises Conflict when it changed since, NotFound when it is gone."""
    changed = columns | {"version": annotation.version + 1, "updated_at": timezone.now()}
    if not _AS_SEEN.update(changed, row_id=annotation.pk, version=annotation.version):
        living = Annotation.objects.living().filter(pk=annotation.pk).exists()
        raise Conflict(FASTER) if living else NotFound("annotations", annotation.pk)
    for name, value in changed.items():
        setattr(annotation, name, value)


def accept(annotation: Annotation, spooled: Spooled, *, by: Actor, keep: Keep = keep_nothing) -> Annotation:
    """Make verified text the content of `annotation`, as its next revision. The same bytes again change nothing.

    Raises NotSupported, TooLarge, Conflict, NotFound, Busy, Full.
    """
    identified = identify(spooled)
    content = content_of(identified, spooled)

    def rows() -> Annotation:
        recheck(by)
        filled = _fill(annotation, content, identified, by)
        keep(filled)
        return filled

    try:
        return commit(content, rows=rows)
    except IntegrityError as error:  # two of the same number: another upload was faster
        raise Conflict(FASTER) from error


def create_with(media: Media, spooled: Spooled, *, by: Actor) -> Annotation:
    """An annotation of a media and its content at once: both, or neither.

    Raises NotSupported, TooLarge, NotFound, Busy, Full.
    """
    identified = identify(spooled)
    content = content_of(identified, spooled)

    def rows() -> Annotation:
        recheck(by)
        hold_still(media)
        annotation = new(media, by=by)
        append(annotation, content, identified, by=by)
        ask_to_read(annotation, by=by)
        return annotation

    return commit(content, rows=rows)


def content_of(identified: TextContent, spooled: Spooled) -> Content:
    return Content(annotation_key(spooled.sha256, identified.extension), spooled, identified.content_type)


def _fill(annotation: Annotation, content: Content, identified: TextContent, by: Actor) -> Annotation:
    current = _LIVING.first(row_id=annotation.pk)
    if current is None:
        raise NotFound("annotations", annotation.pk)
    if current.origin == Origin.HUMAN:
        raise Conflict("This is what a person decided; it is edited, and takes no file.")
    if current.sha256 == content.spooled.sha256:
        return current
    append(annotation, content, identified, by=by)
    ask_to_read(annotation, by=by)
    return annotation


def append(
    annotation: Annotation,
    content: Content,
    identified: TextContent,
    *,
    by: Actor,
    said: Said | None = None,
    note: str = "",
    action: str = "annotation.upload",
) -> AnnotationRevision:
    """Add the next revision and make it the current one, within a transaction of the caller.

    said: the regions of the content, where it was understood.
    """
    file = {
        "file": content.key,
        "sha256": content.spooled.sha256,
        "size": content.spooled.size,
        "content_type": content.content_type,
        "format": identified.format,
    }
    return append_file(annotation, file, by=by, said=said, note=note, action=action)


def ask_to_read(annotation: Annotation, *, by: Actor) -> None:
    """Within the transaction of an upload: have it found out what the file of an annotation says."""
    payload = {"annotation": annotation.pk, "sha256": annotation.sha256}
    queue.put("read", f"{annotation.pk}:{annotation.sha256[:16]}", payload, by=by)


def append_file(
    annotation: Annotation,
    file: dict[str, Any],
    *,
    by: Actor,
    said: Said | None,
    note: str,
    action: str,
    state: str = "",
    report: dict[str, Any] | None = None,
) -> AnnotationRevision:
    """As `append`, for an object that the ledger holds. file: the columns that annotation and revision share.

    state: what becomes of the annotation's; "" = parsed where it says something, stored otherwise.
    report: why nothing is said.
    """
    before = {"file": annotation.file.name, "sha256": annotation.sha256}
    had_regions = annotation.regions_count > 0
    revision = _next_revision(annotation, file | (regions.columns(said) or {"report": report}) | {"note": note}, by)
    state = state or (Annotation.State.STORED if said is None else Annotation.State.PARSED)
    _change(annotation, current_id=revision.pk, state=state, regions_count=len(said.regions) if said else 0, **file)
    annotation.current = revision
    if said or had_regions:
        regions.index(annotation)
    after = {"file": file["file"], "sha256": file["sha256"], "revision": revision.number}
    record(action, annotation, by=by, before=before, after=after)
    return revision


def file_of(row: Annotation | AnnotationRevision) -> dict[str, Any]:
    """The columns of its file, for a revision that has the same one."""
    columns = ("sha256", "size", "content_type", "format")
    return {"file": row.file.name} | {name: getattr(row, name) for name in columns}


def _next_revision(annotation: Annotation, columns: dict[str, Any], by: Actor) -> AnnotationRevision:
    revision = AnnotationRevision(
        annotation=annotation,
        number=annotation.current.number + 1 if annotation.current else 1,
        author=by.access,
        author_login=by.login,
        origin=annotation.origin,
        is_truth=annotation.is_truth,
        **columns,
    )
    _insert_revision(revision)
    return revision


def delete(annotation: Annotation, *, by: Actor) -> None:
    """Mark an annotation as deleted: hidden at once; its revisions stay. Raises Conflict, NotFound."""
    now = timezone.now()
    with transaction.atomic():
        seen = Annotation.objects.as_seen(annotation.pk, annotation.version)
        if not seen.update(deleted_at=now, deleted_by=by.access, updated_at=now, version=F("version") + 1):
            living = Annotation.objects.living().filter(pk=annotation.pk).exists()
            raise Conflict(FASTER) if living else NotFound("annotations", annotation.pk)
        regions.forget(annotation)
        before = {"media_id": annotation.media_id, "file": annotation.file.name, "sha256": annotation.sha256}
        record("annotation.delete", annotation, by=by, before=before)
