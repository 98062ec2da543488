"""What people say about cameras, views and sequences: corrected, merged, cut. Texts on media stay as given."""

from __future__ import annotations

from typing import Any, TypeVar
from zoneinfo import available_timezones

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.actions.audit import record
from accounts.actor import Actor
from accounts.names import fold
from accounts.refusals import Conflict, Invalid
from curation.actions import light, merging
from curation.models import Camera, Media, Sequence, SequenceItem, View

Row = TypeVar("Row", Camera, View, Sequence)
FASTER = "Somebody else changed it a moment ago; look again."


def describe_camera(camera: Camera, columns: dict[str, Any], *, by: Actor) -> Camera:
    """Set name, position, elevation, fov, timezone. Raises Conflict, Invalid."""
    if "name" in columns and not fold(columns["name"]):
        raise Invalid("A camera has a name.", "body", "name")
    if columns.get("timezone", "UTC") not in available_timezones():
        raise Invalid("is no name of a time zone, such as Europe/Paris", "body", "timezone")
    position = [columns.get(name, getattr(camera, name)) for name in ("latitude", "longitude")]
    if position.count(None) == 1:
        raise Invalid("A position is a latitude and a longitude, or neither.", "body", "latitude")
    return _change(camera, columns, action="camera.describe", by=by)


def turn(view: View, azimuth: int | None, *, by: Actor) -> View:
    """Correct the azimuth of a view; names that spell the old one still lead to it. Raises Conflict."""
    return _change(view, {"azimuth": azimuth}, action="view.turn", by=by)


def rename_sequence(sequence: Sequence, name: str, *, by: Actor) -> Sequence:
    """Raises Conflict for one that a text on media names: the next picture would not find it. Raises Invalid."""
    if not fold(name):
        raise Invalid("A sequence has a name.", "body", "name")
    if name.strip() == sequence.name:
        return sequence
    if sequence.origin == Sequence.Origin.NAME:
        raise Conflict("This sequence has the name that came with its pictures.")
    return _change(sequence, {"name": name.strip(), "origin": Sequence.Origin.HUMAN}, action="sequence.rename", by=by)


def _change(row: Row, columns: dict[str, Any], *, action: str, by: Actor) -> Row:
    """Set columns from the state that was read; nothing to set changes nothing. Raises Conflict."""
    columns = {name: value for name, value in columns.items() if value != getattr(row, name)}
    if not columns:
        return row
    before = {name: getattr(row, name) for name in columns}
    changed = columns | {"version": row.version + 1, "updated_at": timezone.now()}
    if "name" in columns:
        changed["name_folded"] = fold(columns["name"])[:200]
    try:
        with transaction.atomic():
            if not type(row)._default_manager.filter(pk=row.pk, version=row.version).update(**changed):
                raise Conflict(FASTER)
            record(action, row, by=by, before=before, after=columns)
            if {"latitude", "longitude"} & columns.keys():  # which cameras alone have
                light.ask(row.pk, version=row.version + 1, by=by)
    except IntegrityError as error:
        raise Conflict("The camera has another view of this azimuth; merge this one into it.") from error
    for name, value in changed.items():
        setattr(row, name, value)
    return row


def merge_views(keep: View, gone: View, *, by: Actor) -> View:
    """Show the media of `gone` with `keep`, now and when more come. Raises Conflict, Invalid."""
    if keep.camera_id != gone.camera_id:
        raise Conflict("These are views of two cameras.")
    return merging.merge(keep, gone, by=by)


def merge_sequences(keep: Sequence, gone: Sequence, *, by: Actor) -> Sequence:
    """Show the media of `gone` in `keep`, in the order of their capture. Raises Conflict, Invalid."""
    if keep.organisation_id != gone.organisation_id:
        raise Conflict("These are sequences of two organisations.")
    return merging.merge(keep, gone, by=by)


def split(sequence: Sequence, media: Media, *, by: Actor) -> Sequence:
    """Cut a sequence before `media`; return the new one that begins with it. Merging the two shows them as before.

    Raises Conflict.
    """
    with transaction.atomic():
        sequence = Sequence.objects.select_for_update(no_key=True).get(pk=sequence.pk)
        if sequence.merged_into_id or sequence.merged.exists():
            raise Conflict("The sequence is merged with another; undo that first.")
        first = SequenceItem.objects.filter(sequence=sequence, media=media).first()
        if first is None:
            raise Conflict(f"Media {media.pk} is not in this sequence.")
        later = _from(first, media)
        if not SequenceItem.objects.filter(sequence=sequence).exclude(later).exists():
            raise Conflict("The sequence begins with this media; there is nothing before it.")
        return _cut(sequence, later, media, by)


def _from(first: SequenceItem, media: Media) -> Q:
    """The items that do not stand before one: by position, name and id."""
    name = media.name_folded
    same = Q(media__name_folded__gt=name) | Q(media__name_folded=name, media__gte=media.pk)
    return Q(position__gt=first.position) | (Q(position=first.position) & same)


def _cut(sequence: Sequence, later: Q, media: Media, by: Actor) -> Sequence:
    part = Sequence(
        view_id=sequence.view_id, organisation_id=sequence.organisation_id, origin=Sequence.Origin.HUMAN,
        name=f"{sequence.name[:240]} from {media.pk}", started_at=media.captured_at, ended_at=sequence.ended_at,
    )  # fmt: skip
    if media.captured_at is None:
        part.ended_at = None
    part.save()
    moved = SequenceItem.objects.filter(sequence=sequence).filter(later).values("pk")
    count = SequenceItem.objects.filter(pk__in=moved).update(sequence=part)
    _ends_before(sequence)
    record("sequence.split", sequence, by=by, after={"into": part.pk, "moved": count})
    record("sequence.create", part, by=by, after={"of": sequence.pk, "from_media": media.pk})
    return part


def _ends_before(sequence: Sequence) -> None:
    """After a cut: the rest ends with its last media, and a pause is no longer what divides it from the other."""
    rest = SequenceItem.objects.filter(sequence=sequence, media__captured_at__isnull=False)
    last = rest.order_by("-position").values_list("media__captured_at", flat=True).first()
    is_named = sequence.origin == Sequence.Origin.NAME
    Sequence.objects.filter(pk=sequence.pk).update(
        origin=sequence.origin if is_named else Sequence.Origin.HUMAN,
        started_at=sequence.started_at if last else None,
        ended_at=last,
        version=sequence.version + 1,
        updated_at=timezone.now(),
    )
