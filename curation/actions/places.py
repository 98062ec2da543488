"""Which camera took a media, and in which direction it looked: found by the texts that came with it.

The texts stay as they were given. A name belongs to the organisation that gives it: two may each have a `ridge`, and
nobody learns of the cameras of others by naming them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from accounts.actions.audit import record
from accounts.actor import Actor
from accounts.names import fold
from curation.actions import light, queue, sequences
from curation.actions.duplicates import due
from curation.actions.working import Work
from curation.models import Camera, CameraAlias, Media, View, ViewAlias
from curation.models.camera import fold_source

PAGE = 1000  # media of one transaction
KEEP = """
UPDATE curation_media SET view_id = CAST(found.column2 AS bigint), taken_by_id = CAST(found.column3 AS bigint)
FROM (VALUES {rows}) AS found WHERE id = found.column1
"""
TOLD = frozenset({"source", "camera", "azimuth", "sequence", "captured_at"})  # what places depend on
POSITION = frozenset({"latitude", "longitude"})  # with the time: what light there was

Progress = Callable[[str, int], None]


class Name(NamedTuple):
    """A camera as an organisation names it, folded."""

    organisation_id: int | None
    source: str
    text: str


# --- Asked for -------------------------------------------------------------------------------------


def ask(rows: Iterable[Media], *, by: Actor) -> None:
    """Within the transaction that makes or describes media: have the places of those found that say something."""
    telling = [row.pk for row in rows if row.camera or row.sequence or (row.captured_at and row.latitude is not None)]
    if telling:
        queue.put("resolve", f"{telling[0]}-{telling[-1]}:{len(telling)}", {"media": telling}, by=by)


def ask_again(media: Media, changed: Collection[str], *, version: int, by: Actor) -> None:
    """As `ask`, of a media about which something else is said since `version`; changed: names of its columns."""
    if TOLD & {*changed} or (POSITION & {*changed} and media.captured_at):
        queue.put("resolve", f"{media.pk}:{version}", {"media": [media.pk]}, by=by)


def work(job: Work) -> None:
    """The job: payload {"media": ids}."""
    job.progress(0, len(job.payload["media"]))
    resolve(job.payload["media"], by=Actor(access=None, door="job"))
    job.progress(len(job.payload["media"]))


@dataclass(slots=True)
class Tally:
    """resolved: media looked at. cameras, views, sequences: how many there are more than before."""

    resolved: int = 0
    cameras: int = 0
    views: int = 0
    sequences: int = 0


def resolve_missing(*, by: Actor, progress: Progress) -> Tally:
    """Resolve what tells of a camera or a sequence and has none; may be interrupted and goes on where it was."""
    before, resolved = _counted(), 0
    for ids in _missing():
        resolve(ids, by=by)
        resolved += len(ids)
        progress("media resolved", resolved)
    return Tally(resolved, *(now - then for now, then in zip(_counted(), before, strict=True)))


def _counted() -> tuple[int, int, int]:
    return Camera.objects.count(), View.objects.count(), sequences.count()


def _missing() -> Iterator[list[int]]:
    rows, done = Media.objects.living().order_by("pk").values_list("pk", flat=True), 0
    lacks = (Q(view=None) & ~Q(camera="")) | (
        Q(item=None) & (~Q(sequence="") | (~Q(camera="") & Q(captured_at__isnull=False)))
    )
    while page := list(rows.filter(lacks, pk__gt=done)[:PAGE]):
        yield page
        done = page[-1]


# --- Found -----------------------------------------------------------------------------------------


def resolve(media_ids: Sequence[int], *, by: Actor) -> None:
    """Give these media their view and their place in a sequence; what is not there yet is made, once."""
    with transaction.atomic():
        living = Media.objects.living().select_for_update(no_key=True).filter(pk__in=media_ids).order_by("pk")
        rows = list(living)
        views = _views_of(rows, by)
        turned = [row for row in rows if (row.view_id, row.taken_by_id) != views.get(row.pk, (None, None))]
        for row in turned:
            row.view_id, row.taken_by_id = views.get(row.pk, (None, None))
        _keep(turned)
        sequences.place(rows)
        due.ask_in_place([row.pk for row in rows if row.view_id and row.captured_at])
        light.keep([row.pk for row in rows])


def _keep(rows: Sequence[Media]) -> None:
    """Write the views and cameras of media, by one statement."""
    if rows:
        values = [value for row in rows for value in (row.pk, row.view_id, row.taken_by_id)]
        with connection.cursor() as cursor:
            cursor.execute(KEEP.format(rows=", ".join(["(%s, %s, %s)"] * len(rows))), values)


def _views_of(rows: Sequence[Media], by: Actor) -> dict[int, tuple[int, int]]:
    """View and camera by media; those without a camera have none."""
    names = {row.pk: Name(row.organisation_id, fold_source(row.source), fold(row.camera)) for row in rows}
    cameras = _cameras({name: row.camera for row in rows if (name := names[row.pk]).text}, by)
    places = {row.pk: (cameras[names[row.pk]], row.azimuth) for row in rows if names[row.pk] in cameras}
    views = _views(set(places.values()), by)
    return {media_id: (views[place], place[0]) for media_id, place in places.items()}


def _cameras(wanted: dict[Name, str], by: Actor) -> dict[Name, int]:
    """Cameras by name. wanted: how the first media spells each."""
    whose = Q(organisation__in={name.organisation_id for name in wanted}) | Q(organisation=None)
    aliases = CameraAlias.objects.filter(whose, text__in={name.text for name in wanted})
    known = {Name(*row[:3]): row[3] for row in aliases.values_list("organisation_id", "source", "text", "camera_id")}
    return {
        name: known.get(name) or _new_camera(name, given.strip(), by)
        for name, given in sorted(wanted.items(), key=lambda item: (item[0].organisation_id or 0, *item[0][1:]))
    }


def _new_camera(name: Name, given: str, by: Actor) -> int:
    """Make it; whoever was faster has made it."""
    organisation_id, source, text = name
    try:
        with transaction.atomic():
            camera = Camera(organisation_id=organisation_id, name=given)
            camera.save()
            CameraAlias.objects.create(organisation_id=organisation_id, source=source, text=text, camera=camera)
            record("camera.create", camera, by=by, after={"name": given, "source": source})
    except IntegrityError:
        same = CameraAlias.objects.get(organisation=organisation_id, source=source, text=text)
        return same.camera_id
    return camera.pk


Place = tuple[int, int | None]  # camera and azimuth


def _views(wanted: set[Place], by: Actor) -> dict[Place, int]:
    texts = {place: _text(place[1]) for place in wanted}
    aliases = ViewAlias.objects.filter(camera__in={camera for camera, _ in wanted}, text__in=set(texts.values()))
    known = {(camera, text): view for camera, text, view in aliases.values_list("camera_id", "text", "view_id")}
    return {
        place: known.get((place[0], texts[place])) or _new_view(place, by)
        for place in sorted(wanted, key=lambda place: (place[0], texts[place]))
    }


def _text(azimuth: int | None) -> str:
    return "" if azimuth is None else str(azimuth)


def _new_view(place: Place, by: Actor) -> int:
    """Remember that this azimuth means the view of this azimuth, which is made when there is none."""
    camera_id, azimuth = place
    view = View.objects.filter(camera_id=camera_id, azimuth=azimuth).first() or _made(camera_id, azimuth, by)
    ViewAlias.objects.bulk_create(
        [ViewAlias(camera_id=camera_id, text=_text(azimuth), view=view)], ignore_conflicts=True
    )
    return ViewAlias.objects.get(camera_id=camera_id, text=_text(azimuth)).view_id


def _made(camera_id: int, azimuth: int | None, by: Actor) -> View:
    try:
        with transaction.atomic():
            view = View.objects.create(camera_id=camera_id, azimuth=azimuth)
            record("view.create", view, by=by, after={"camera": camera_id, "azimuth": azimuth})
    except IntegrityError:
        return View.objects.get(camera_id=camera_id, azimuth=azimuth)
    return view
