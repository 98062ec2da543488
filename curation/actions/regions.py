"""Keep the index of regions: one row for each region of the current revision of a living annotation."""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Any

from django.db import transaction
from django.db.models import Count

from accounts.refusals import Conflict, Invalid
from curation.actions.objects import Content
from curation.formats import regions as values
from curation.models import Annotation, AnnotationRevision, Label, Region
from curation.storage.keys import annotation_key
from curation.storage.spool import Spooled

REGIONS_MAX = 2000  # of one revision
POINTS_MAX = 500  # of one polygon
ATTRIBUTES_MAX = 2048  # bytes of JSON of one region
TEXT_MAX = 200  # characters of an object id, or of a label that is none of ours
FRAME_MAX = 2**31 - 1  # of the column
BATCH = 1000  # rows of one INSERT
ANNOTATIONS = 500  # that are looked at together
TOGETHER = 2000  # regions of annotations that are indexed in one transaction
UNKEEPABLE = re.compile("[\0\ud800-\udfff]")  # in PostgreSQL's text, or in UTF-8
FORMAT = "regions"  # of a file that was made here
CONTENT_TYPE = "application/json"

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Said:
    """What a revision says: its regions, and what their reader had to report.

    The regions come back from the database as they are kept here. Raises Invalid for one that cannot be, or a limit.
    """

    regions: Sequence[values.Region]
    report: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        check(self.regions)
        object.__setattr__(self, "regions", [_fit_to_be_kept(*one) for one in enumerate(self.regions)])

    @cached_property
    def _texts(self) -> list[tuple[str, values.Region]]:
        """Canonical, in order: made once, for it is what takes longest."""
        return sorted(((values.canonical_text(region), region) for region in self.regions), key=itemgetter(0))

    @property
    def as_json(self) -> list[dict[str, Any]]:
        """In canonical order."""
        return [values.as_json(region) for _, region in self._texts]

    @cached_property
    def _canonical(self) -> bytes:
        return values.canonical_of(text for text, _ in self._texts)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self._canonical).hexdigest()

    def content(self) -> Content:
        """The canonical bytes as a file, for a revision that nobody sent as one."""
        text = self._canonical
        return Content(
            annotation_key(self.sha256, "json"), Spooled(io.BytesIO(text), len(text), self.sha256), CONTENT_TYPE
        )


def check(regions: Sequence[values.Region]) -> None:
    """Raise Invalid for more than may be kept of one picture."""
    if len(regions) > REGIONS_MAX:
        raise Invalid(f"A revision has at most {REGIONS_MAX} regions.", "body", "regions")
    for number, region in enumerate(regions):
        if len(region.points) > POINTS_MAX:
            raise Invalid(f"A polygon has at most {POINTS_MAX} points.", "body", "regions", number, "points")
        if max(len(region.object_id), len(region.label)) > TEXT_MAX:
            raise Invalid(f"A text has at most {TEXT_MAX} characters.", "body", "regions", number)
        if region.frame is not None and region.frame > FRAME_MAX:
            raise Invalid("There is no such frame.", "body", "regions", number, "frame")


def _fit_to_be_kept(number: int, region: values.Region) -> values.Region:
    place = ("body", "regions", number)
    if UNKEEPABLE.search(region.label + region.object_id):
        raise Invalid("A text holds what no database keeps.", *place)
    attributes = _fit(dict(region.attributes), *place)
    if attributes and len(json.dumps(attributes)) > ATTRIBUTES_MAX:
        raise Invalid(f"A region has at most {ATTRIBUTES_MAX} bytes of attributes.", *place)
    try:
        return values.from_json(values.as_json(region._replace(attributes=attributes)))
    except (ValueError, TypeError) as error:
        raise Invalid(f"The region cannot be: {error}.", *place) from error


def _fit(value: Any, *place: str | int) -> Any:
    """A value as any database gives it back: a whole float is an integer."""
    if isinstance(value, str) and UNKEEPABLE.search(value):
        raise Invalid("A text holds what no database keeps.", *place)
    if isinstance(value, float):
        return _number(value, *place)
    if isinstance(value, dict):
        return {_fit(str(key), *place): _fit(inner, *place) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_fit(inner, *place) for inner in value]
    return value


def _number(value: float, *place: str | int) -> float | int:
    if not math.isfinite(value):
        raise Invalid("A number is not finite.", *place)
    return int(value) if value.is_integer() else value


def refuse_as_truth(regions: Iterable[values.Region]) -> None:
    """Raise Invalid for what a model said, in regions that are to be truth: a score, or the word of its file."""
    for number, region in enumerate(regions):
        if region.score is not None or region.is_prediction:
            raise Invalid("A region with a score is a prediction, never truth.", "body", "regions", number, "score")


def of(revision: AnnotationRevision) -> list[values.Region] | None:
    """The regions of a revision, or None where it was not understood. Raises Conflict when they are damaged."""
    if revision.regions is None:
        return None
    try:
        return [values.from_json(said) for said in revision.regions]
    except (KeyError, TypeError, ValueError) as error:
        raise Conflict(f"The regions of {revision} cannot be read.") from error


def index(annotation: Annotation) -> int:
    """Make the rows of one annotation anew, within a transaction of the caller; return how many there are.

    Raises Conflict, Invalid for regions that may not stand where they stand.
    """
    return index_all([annotation])


def index_all(annotations: Sequence[Annotation]) -> int:
    """As `index`, for annotations that know their `current` revision: two statements and one for each BATCH."""
    Region.objects.filter(annotation__in=[annotation.pk for annotation in annotations]).delete()
    rows = _rows(annotations, _labels())
    made = 0
    while batch := [row for _, row in zip(range(BATCH), rows, strict=False)]:
        Region.objects.bulk_create(batch)
        made += len(batch)
    return made


def columns(said: Said | None) -> dict[str, Any]:
    """The columns of a revision that says this; None: its file was not read."""
    if said is None:
        return {}
    return {"regions": said.as_json, "regions_sha256": said.sha256, "report": said.report}


def forget(annotation: Annotation) -> None:
    """Within a transaction of the caller: nothing of the annotation is to be found any more."""
    if annotation.regions_count:
        Region.objects.filter(annotation=annotation).delete()


def move(annotation: Annotation) -> None:
    """Within a transaction of the caller, which moved the annotation to another media."""
    if annotation.regions_count:
        Region.objects.filter(annotation=annotation).update(media=annotation.media_id)


def _labels() -> dict[str, int]:
    return dict(Label.objects.values_list("code", "pk"))


def _rows(annotations: Iterable[Annotation], labels: dict[str, int]) -> Iterator[Region]:
    for annotation in annotations:
        if annotation.deleted_at is None and annotation.current is not None:
            regions = of(annotation.current) or []
            if annotation.is_truth:
                refuse_as_truth(regions)
            for region in regions:
                yield _row(annotation, region, labels)


def _row(annotation: Annotation, region: values.Region, labels: dict[str, int]) -> Region:
    return Region(
        revision=annotation.current,
        annotation_id=annotation.pk,
        media_id=annotation.media_id,
        label_id=labels.get(region.label),
        origin=annotation.origin,
        is_truth=annotation.is_truth,
        score=region.score,
        kind=region.kind,
        x1=region.x1,
        y1=region.y1,
        x2=region.x2,
        y2=region.y2,
        points=[list(point) for point in region.points] or None,
        object_id=region.object_id,
        frame=region.frame,
        attributes=dict(region.attributes),
    )


# --- Making all of it anew -------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """What `reindex` did."""

    annotations: int = 0  # looked at
    indexed: int = 0  # made anew
    regions: int = 0  # rows of those
    last: int = 0  # id of the last annotation looked at: a run that was ended goes on after it
    problems: dict[int, str] = field(default_factory=dict)  # annotation -> why it could not be indexed


def silently(what: str, count: int) -> None:
    """Nobody watches."""


def reindex(*, missing: bool, after: int = 0, progress: Progress = silently) -> Tally:
    """Make the rows of all annotations anew, or of those whose rows do not agree with their revision (`missing`).

    A transaction for every group of annotations; may be ended at any moment, and goes on `after` an id.
    """
    tally = Tally(last=after)
    while rows := _next(tally.last):
        tally.annotations += len(rows)
        chosen = set(disagreeing(list(rows)) if missing else rows)
        for group in groups({row_id: count for row_id, count in rows.items() if row_id in chosen}):
            _reindex(group, tally)
        tally.last = max(rows)
        progress("annotations", tally.annotations)
    return tally


def _next(after: int) -> dict[int, int]:
    """The next ANNOTATIONS: how many regions each counts, by its id."""
    rows = Annotation.objects.filter(pk__gt=after).order_by("pk")
    return dict(rows.values_list("pk", "regions_count")[:ANNOTATIONS])


def groups(counts: dict[int, int]) -> Iterator[list[int]]:
    """Annotations that are read together: TOGETHER regions, or one annotation."""
    group: list[int] = []
    size = 0
    for row_id, count in counts.items():
        if group and size + count > TOGETHER:
            yield group
            group, size = [], 0
        group.append(row_id)
        size += count
    if group:
        yield group


def _reindex(ids: list[int], tally: Tally) -> None:
    """All of a group in one transaction; where one of them is refused, each in its own."""
    try:
        with transaction.atomic():
            held = Annotation.objects.select_for_update(no_key=True, of=("self",)).select_related("current")
            annotations = list(held.filter(pk__in=ids).order_by("pk"))
            made = index_all(annotations)
            _mend_counts(annotations)
    except (Conflict, Invalid) as refusal:
        if len(ids) == 1:
            tally.problems[ids[0]] = str(refusal)
            return
        for row_id in ids:
            _reindex([row_id], tally)
        return
    tally.indexed += len(ids)
    tally.regions += made


def _mend_counts(annotations: Iterable[Annotation]) -> None:
    for annotation in annotations:
        count = len((annotation.current.regions if annotation.current else None) or ())
        if annotation.regions_count != count:
            Annotation.objects.filter(pk=annotation.pk).update(regions_count=count)


def disagreeing(ids: Sequence[int]) -> list[int]:
    """Those of some annotations whose rows are not as many as their revision has, or are not of that revision."""
    rows = Region.objects.filter(annotation__in=ids)
    counts: Counter[tuple[int, int]] = Counter()
    for annotation, revision, count in rows.values_list("annotation", "revision").annotate(count=Count("pk")):
        counts[annotation, revision] = count
    total: Counter[int] = Counter()
    for (annotation, _), count in counts.items():
        total[annotation] += count
    found = []
    for row_id, current, count, deleted in _counted(ids):
        wanted = 0 if deleted else count
        if (counts[row_id, current], total[row_id]) != (wanted, wanted):
            found.append(row_id)
    return found


def _counted(ids: Sequence[int]) -> list[Any]:
    """(id, current, regions counted, deleted_at)"""
    rows = Annotation.objects.filter(pk__in=ids).order_by("pk")
    return list(rows.values_list("pk", "current", "regions_count", "deleted_at"))
