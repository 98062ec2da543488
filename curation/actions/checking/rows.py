"""Whether the rows agree with the ledger, and annotations with their revisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, F, Max, Model, Q

from accounts.models import AuditEntry
from curation.actions.checking import clusters, regions
from curation.actions.checking.objects import Progress
from curation.actions.checking.report import Code, Problem, Report
from curation.models import REFERENCES, Annotation, AnnotationRevision, Mapping, StoredObject, TaxonomyVersion

BATCH = 1000  # rows in memory
GUARD = "SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND tgname = %s AND tgenabled IN ('O', 'A')"
State = StoredObject.State


@dataclass(frozen=True, slots=True)
class Reference:
    """A row that refers to an object, with what it says of it."""

    table: str
    row_id: int
    key: str
    size: int | None
    sha256: str


def look(report: Report, progress: Progress) -> None:
    unsure = report.unsure
    for model, column in REFERENCES:
        for page in _references(model, column):
            report.checked["references"] += len(page)
            progress("references", report.checked["references"])
            suspects = {problem.row_id for problem in _judge(page, unsure)}
            # Looked at once more, for a row may have changed between the two reads.
            for problem in _judge(_page(model, column, Q(pk__in=suspects)), unsure) if suspects else ():
                report.add(problem)
    _look_at_revisions(report)
    for problem in clusters.look():
        report.add(problem)
    _look_at_the_guards_of_history(report)


def _references(model: type[Model], column: str) -> Iterator[list[Reference]]:
    done = 0
    while page := _page(model, column, Q(pk__gt=done)):
        yield page
        done = page[-1].row_id


def _page(model: type[Model], column: str, which: Q) -> list[Reference]:
    rows = model._default_manager.filter(which).exclude(**{column: ""}).order_by("pk")
    names = ("pk", column, "size", "sha256")
    return [Reference(str(model._meta.model_name), *values) for values in rows.values_list(*names)[:BATCH]]


def _judge(page: list[Reference], unsure: set[str]) -> Iterator[Problem]:
    ledger = {row.key: row for row in StoredObject.objects.filter(key__in={reference.key for reference in page})}
    for reference in page:
        if reference.key not in unsure:
            for code, sentence in _wrong(reference, ledger.get(reference.key)):
                yield Problem(code, sentence, reference.key, reference.table, reference.row_id)


def _wrong(reference: Reference, row: StoredObject | None) -> Iterator[tuple[Code, str]]:
    if row is None:
        yield Code.NOT_IN_LEDGER, "The ledger does not know the file of this row."
        return
    if row.state in (State.WRITING, State.DELETING):
        yield Code.REFERENCE_NOT_READY, f"The file of this row is in state {row.state}."
    if reference.size != row.size:
        yield Code.ROW_SIZE_DIFFERS, f"The row says {reference.size} bytes, the ledger {row.size}."
    if reference.sha256 != row.sha256:
        yield Code.ROW_DIGEST_DIFFERS, "The row's digest is not the ledger's."


def _look_at_revisions(report: Report) -> None:
    """Each annotation shows the file of its current revision, and its revisions are numbered without a gap."""
    done, last = 0, Annotation.objects.aggregate(last=Max("pk"))["last"] or 0
    while done < last:
        window = Q(pk__gt=done, pk__lte=done + BATCH)
        report.checked["annotations"] += Annotation.objects.filter(window).count()
        for row_id, key in _off_current(window):
            sentence = "The annotation does not show the file of its current revision."
            report.add(Problem(Code.CURRENT_DIFFERS, sentence, key, "annotation", row_id))
        for row_id in _with_gaps(done):
            sentence = "The revisions of the annotation are not numbered 1, 2, 3."
            report.add(Problem(Code.REVISION_GAP, sentence, "", "annotation", row_id))
        for row_id in _with_regions_of_nothing(window):
            sentence = "The annotation counts regions, and its current revision holds none."
            report.add(Problem(Code.REGIONS_WITHOUT_SOURCE, sentence, "", "annotation", row_id))
        for problem in regions.look(done, done + BATCH):
            report.add(problem)
        done += BATCH


def _off_current(window: Q) -> list[Any]:
    """(id, key) of annotations that disagree with `current`. Sizes and digests are compared with the ledger."""
    differs = ~Q(file=F("current__file")) | ~Q(current__annotation=F("pk"))
    unheaded = Q(current=None) & ~Q(file="")
    rows = Annotation.objects.filter(window).filter(unheaded | (Q(current__isnull=False) & differs))
    return list(rows.order_by("pk").values_list("pk", "file"))


def _with_regions_of_nothing(window: Q) -> list[int]:
    """Regions are read from the current revision alone; one that was not understood (NULL) has none."""
    counting = Annotation.objects.filter(window, regions_count__gt=0)
    return list(counting.filter(current__regions__isnull=True).order_by("pk").values_list("pk", flat=True))


def _with_gaps(done: int) -> list[int]:
    revisions = AnnotationRevision.objects.filter(annotation__gt=done, annotation__lte=done + BATCH)
    counted = revisions.order_by().values("annotation").annotate(count=Count("pk"), highest=Max("number"))
    return sorted(counted.exclude(count=F("highest")).values_list("annotation", flat=True))


def _look_at_the_guards_of_history(report: Report) -> None:
    """On PostgreSQL, triggers refuse to rewrite history. A database that was restored by halves has lost them."""
    if connection.vendor != "postgresql":
        return
    for model in (AuditEntry, AnnotationRevision, TaxonomyVersion, Mapping):
        table = model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(GUARD, [table, f"{table}_is_append_only"])
            if cursor.fetchone() is None:
                sentence = f"The trigger that keeps {table} append-only is missing or switched off."
                report.add(Problem(Code.HISTORY_UNGUARDED, sentence, "", str(model._meta.model_name)))
