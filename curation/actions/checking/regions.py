"""Whether regions are those that were digested, are counted rightly, and are found in the index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Q

from accounts.refusals import Conflict
from curation.actions import regions
from curation.actions.checking.report import Code, Problem
from curation.formats.regions import digest
from curation.models import Annotation, AnnotationRevision

READ_AT_ONCE = 20  # revisions with their regions in memory


def look(after: int, upto: int) -> Iterator[Problem]:
    """Problems of the annotations with ids after < id <= upto."""
    yield from _revisions(after, upto)
    rows = Annotation.objects.filter(pk__gt=after, pk__lte=upto)
    ids = list(rows.exclude(regions_count__gt=0, current__regions__isnull=True).values_list("pk", flat=True))
    suspects = regions.disagreeing(ids)
    for row_id in regions.disagreeing(suspects):  # once more, for a row may have changed between the two reads
        yield _problem(Code.REGIONS_NOT_INDEXED, "The index does not hold the regions of the annotation.", row_id)


def _revisions(after: int, upto: int) -> Iterator[Problem]:
    rows: Any = AnnotationRevision.objects.filter(annotation__gt=after, annotation__lte=upto)
    known = rows.filter(~Q(regions_sha256="") | Q(regions__isnull=False)).select_related("annotation")
    for revision in known.order_by("pk").iterator(chunk_size=READ_AT_ONCE):
        found = _read(revision)
        if found is None or digest(found) != revision.regions_sha256:
            sentence = f"The regions of revision {revision.number} are not those that were digested."
            yield _problem(Code.REGIONS_DIGEST_DIFFERS, sentence, revision.annotation_id)
        elif _is_current(revision) and len(found) != revision.annotation.regions_count:
            sentence = f"The annotation counts {revision.annotation.regions_count} regions, its revision {len(found)}."
            yield _problem(Code.REGIONS_COUNT_DIFFERS, sentence, revision.annotation_id)


def _read(revision: AnnotationRevision) -> Any:
    try:
        return regions.of(revision)
    except Conflict:
        return None


def _is_current(revision: AnnotationRevision) -> bool:
    return revision.annotation.current_id == revision.pk


def _problem(code: Code, sentence: str, annotation: int) -> Problem:
    return Problem(code, sentence, "", "annotation", annotation)
