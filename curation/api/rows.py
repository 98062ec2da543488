"""Rows as the API shows them. `bucket_key`, keys and paths are never among the fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Case, When
from django.db.models.functions import Coalesce

from accounts.rest.times import moment
from curation.models import Annotation, Job, Media, View

MEDIA_COLUMNS = (
    "id", "created_at", "updated_at", "version", "type", "sha256", "size", "content_type", "original_name",
    "width", "height", "duration", "captured_at", "captured_basis", "source", "camera", "azimuth", "sequence",
    "latitude", "longitude", "light", "owner_id", "organisation_id", "view_id",
)  # fmt: skip
ANNOTATION_COLUMNS = (
    "id", "created_at", "updated_at", "version", "media_id", "sha256", "size", "content_type", "format",
    "state", "origin", "is_truth", "regions_count", "owner_id",
)  # fmt: skip

Row = dict[str, Any]
Views = dict[int, Row]  # by the ids that media have


def media_row(media: Media | Row, views: Views | None = None) -> Row:
    """One media; what is not known is null. views: those of all media of a page, from `views_of`."""
    row = _columns(media, MEDIA_COLUMNS)
    if views is None:
        views = views_of([row])
    return {
        "id": row["id"],
        "created_at": moment(row["created_at"]),
        "type": row["type"],
        "uploaded": bool(row["sha256"]),
        "sha256": row["sha256"] or None,
        "content_type": row["content_type"] or None,
        "original_name": row["original_name"] or None,
        "source": row["source"] or None,
        "camera": row["camera"] or None,
        "sequence": row["sequence"] or None,
        "size": row["size"],
        "width": row["width"],
        "height": row["height"],
        "duration": row["duration"],
        "captured_basis": row["captured_basis"],
        "azimuth": row["azimuth"],
        "captured_at": moment(row["captured_at"]),
        "latitude": row["latitude"],
        "longitude": row["longitude"],
        "light": row["light"] or None,
        "owner": row["owner_id"],
        "organisation": row["organisation_id"],
        "updated_at": moment(row["updated_at"]),
        "version": row["version"],
        "view": views.get(row["view_id"]),
    }


def views_of(rows: Iterable[Row]) -> Views:
    """What is shown of the views of media, in one query, or in none when they have none."""
    wanted = {row["view_id"] for row in rows if row["view_id"]}
    if not wanted:
        return {}
    found = View.objects.filter(pk__in=wanted).annotate(
        stands_as=Coalesce("shown_as", "id"),
        # A view without azimuth is shown without one, whatever was merged into it.
        azimuth_of_it=Case(When(shown_as=None, then="azimuth"), default="shown_as__azimuth"),
    )
    return {
        pk: {"id": shown, "camera": camera_id, "azimuth": azimuth}
        for pk, shown, camera_id, azimuth in found.values_list("pk", "stands_as", "camera_id", "azimuth_of_it")
    }


def annotation_row(annotation: Annotation | Row) -> Row:
    row = _columns(annotation, ANNOTATION_COLUMNS)
    return {
        "id": row["id"],
        "created_at": moment(row["created_at"]),
        "media_id": row["media_id"],
        "uploaded": bool(row["sha256"]),
        "sha256": row["sha256"] or None,
        "content_type": row["content_type"] or None,
        "format": row["format"] or None,
        "size": row["size"],
        "state": row["state"],
        "origin": row["origin"],
        "is_truth": row["is_truth"],
        "regions": row["regions_count"],
        "owner": row["owner_id"],
        "updated_at": moment(row["updated_at"]),
        "version": row["version"],
    }


def job_row(job: Job) -> Row:
    """One job; its payload is the service's own business."""
    return {
        "id": job.pk,
        "created_at": moment(job.created_at),
        "kind": job.kind,
        "state": job.state,
        "attempts": job.attempts,
        "done": job.done,
        "total": job.total,
        "error": job.error or None,
        "started_at": moment(job.started_at),
        "finished_at": moment(job.finished_at),
    }


def entry_row(entry: tuple[Media, Annotation]) -> Row:
    return {"media": media_row(entry[0]), "annotation": annotation_row(entry[1])}


def _columns(row: Media | Annotation | Row, names: tuple[str, ...]) -> Row:
    """The columns of a model instance; those of a values() row as they are."""
    return row if isinstance(row, dict) else {name: getattr(row, name) for name in names}
