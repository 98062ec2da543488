"""Regions, revisions and differences as the API reads and shows them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.refusals import Invalid
from accounts.rest.schema import with_example
from accounts.rest.times import moment
from curation.actions.regions import REGIONS_MAX
from curation.api.rows import Row
from curation.formats.difference import Changed, Difference
from curation.formats.regions import BOX, POLYGON, Region, from_json
from curation.models import Annotation, AnnotationRevision, Origin
from curation.models import Region as RegionRow

Kind = RegionRow.Kind
CORNERS = ("x1", "y1", "x2", "y2")
REVISION_COLUMNS = (
    "id", "number", "created_at", "author_login", "origin", "is_truth", "note", "sha256", "size", "content_type",
    "format", "regions_sha256",
)  # fmt: skip
SMOKE = {"label": "wildfire", "x1": 0.4192, "y1": 0.3081, "x2": 0.4677, "y2": 0.3562}


def _fraction(**kwargs: Any) -> serializers.FloatField:
    return serializers.FloatField(min_value=0, max_value=1, **kwargs)


class RegionIn(serializers.Serializer[Any]):
    """A box by its corners, or a polygon by its points, in fractions of the upright picture."""

    label = serializers.CharField(max_length=50, help_text="code of a label")  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=Kind.choices, default=BOX)
    x1 = _fraction(required=False)
    y1 = _fraction(required=False)
    x2 = _fraction(required=False)
    y2 = _fraction(required=False)
    points = serializers.ListField(
        child=serializers.ListField(child=_fraction(), min_length=2, max_length=2), required=False, max_length=500
    )
    object_id = serializers.CharField(required=False, allow_blank=True, max_length=200)
    frame = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=2**31 - 1)
    attributes = serializers.DictField(required=False)


@with_example({"regions": [SMOKE], "note": "seen from the ridge as well"})
class RegionsIn(serializers.Serializer[Any]):
    """All regions of a picture; none: a person looked, and there is nothing."""

    regions = serializers.ListField(child=RegionIn(), max_length=REGIONS_MAX)
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=500)


@with_example({"revision": 1})
class RestoreIn(serializers.Serializer[Any]):
    revision = serializers.IntegerField(min_value=1, max_value=2**31 - 1, help_text="its number")


class RegionOut(serializers.Serializer[Any]):
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=Kind.choices)
    x1 = serializers.FloatField()
    y1 = serializers.FloatField()
    x2 = serializers.FloatField()
    y2 = serializers.FloatField()
    points = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()), allow_null=True, help_text="of a polygon"
    )
    score = serializers.FloatField(allow_null=True, help_text="0 to 1; null: unknown")
    class_id = serializers.IntegerField(allow_null=True, help_text="in the counting of its source")
    object_id = serializers.CharField(allow_null=True)
    frame = serializers.IntegerField(allow_null=True)
    attributes = serializers.DictField()


class FoundRegionOut(RegionOut):
    """One region of one of the layers of a media, as lists find it."""

    id = serializers.IntegerField(help_text="until the layer changes")
    annotation_id = serializers.IntegerField()
    origin = serializers.ChoiceField(choices=Origin.choices)
    is_truth = serializers.BooleanField()

    def get_fields(self) -> dict[str, Any]:
        return {name: field for name, field in super().get_fields().items() if name != "class_id"}


class RegionsOut(serializers.Serializer[Any]):
    annotation_id = serializers.IntegerField()
    media_id = serializers.IntegerField()
    version = serializers.IntegerField(help_text="of the annotation, for If-Match")
    revision = serializers.IntegerField(allow_null=True)
    origin = serializers.ChoiceField(choices=Origin.choices)
    is_truth = serializers.BooleanField()
    sha256 = serializers.CharField(allow_null=True, help_text="of the canonical JSON of the regions")
    regions = RegionOut(many=True, allow_null=True, help_text="null: they are not known")


class RevisionOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    number = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    author = serializers.CharField(allow_null=True, help_text="login, whatever became of the access")
    origin = serializers.ChoiceField(choices=Origin.choices)
    is_truth = serializers.BooleanField()
    note = serializers.CharField(allow_null=True)
    sha256 = serializers.CharField()
    size = serializers.IntegerField(help_text="bytes")
    content_type = serializers.CharField()
    format = serializers.CharField(allow_null=True)
    regions_sha256 = serializers.CharField(allow_null=True, help_text="null: its regions are not known")


class ChangedOut(serializers.Serializer[Any]):
    before = RegionOut()
    after = RegionOut()
    iou = serializers.FloatField(help_text="intersection over union of both boxes")


class DiffOut(serializers.Serializer[Any]):
    added = RegionOut(many=True)
    removed = RegionOut(many=True)
    moved = ChangedOut(many=True)
    relabelled = ChangedOut(many=True)
    unchanged = serializers.IntegerField()
    paired = serializers.BooleanField(help_text="false: too many differ to look for what moved")


def region_of(asked: dict[str, Any], number: int) -> Region:
    """The region that a body asks for, as its place in the list. Raises Invalid."""
    said = {name: value for name, value in asked.items() if value is not None}
    place = ("body", "regions", number)
    if said["kind"] == POLYGON:
        if len(points := said.get("points", ())) < 3:
            raise Invalid("A polygon has at least 3 points.", *place, "points")
        for name, pick, axis in (("x1", min, 0), ("y1", min, 1), ("x2", max, 0), ("y2", max, 1)):
            said[name] = pick(point[axis] for point in points)
    elif said.get("points"):
        raise Invalid("A box has no points.", *place, "points")
    elif missing := [name for name in CORNERS if name not in said]:
        raise Invalid("field required", *place, missing[0], kind="value_error.missing")
    try:
        return from_json(said)
    except (ValueError, TypeError) as error:
        raise Invalid(f"The region cannot be: {error}.", *place) from error


def region_row(region: Region) -> Row:
    return {
        "label": region.label or None,
        "kind": region.kind,
        **{name: getattr(region, name) for name in CORNERS},
        "points": [list(point) for point in region.points] or None,
        "score": region.score,
        "class_id": region.class_id,
        "object_id": region.object_id or None,
        "frame": region.frame,
        "attributes": dict(region.attributes),
    }


FOUND_COLUMNS = (
    "id", "annotation_id", "origin", "is_truth", "label__code", "kind", *CORNERS, "points", "score", "object_id",
    "frame", "attributes",
)  # fmt: skip


def found_row(row: Row) -> Row:
    """A row of the index of regions."""
    told = {name: row[name] for name in FOUND_COLUMNS if name not in ("label__code", "object_id")}
    return told | {"label": row["label__code"], "object_id": row["object_id"] or None}


def regions_row(annotation: Annotation, revision: AnnotationRevision | None, found: list[Region] | None) -> Row:
    return {
        "annotation_id": annotation.pk,
        "media_id": annotation.media_id,
        "version": annotation.version,
        "revision": revision.number if revision else None,
        "origin": annotation.origin,
        "is_truth": annotation.is_truth,
        "sha256": (revision.regions_sha256 or None) if revision else None,
        "regions": None if found is None else [region_row(region) for region in found],
    }


def revision_row(row: Row) -> Row:
    told = {name: row[name] for name in REVISION_COLUMNS if name != "author_login"}
    return told | {
        "created_at": moment(row["created_at"]),
        "author": row["author_login"] or None,
        "note": row["note"] or None,
        "format": row["format"] or None,
        "regions_sha256": row["regions_sha256"] or None,
    }


def diff_row(found: Difference) -> Row:
    def pairs(changed: list[Changed]) -> list[Row]:
        return [
            {"before": region_row(pair.before), "after": region_row(pair.after), "iou": round(pair.iou, 6)}
            for pair in changed
        ]

    return {
        "added": [region_row(region) for region in found.added],
        "removed": [region_row(region) for region in found.removed],
        "moved": pairs(found.moved),
        "relabelled": pairs(found.relabelled),
        "unchanged": found.unchanged,
        "paired": found.is_paired,
    }
