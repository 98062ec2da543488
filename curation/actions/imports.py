"""Imports as people ask for them: from the server's own command, or with an archive that is uploaded."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Case, CharField, F, Value, When
from django.utils import timezone

from accounts.actions.audit import record
from accounts.actions.rights import recheck
from accounts.actor import Actor
from accounts.refusals import Busy, Conflict, Full, Invalid, NotSupported, Refusal, ScopeRefused
from accounts.scopes import Right
from curation.actions import queue
from curation.actions.commit import commit
from curation.actions.importing.asked import Asked
from curation.actions.importing.journal import Journal, Remembered, Written
from curation.actions.importing.run import Import, Progress, no_progress
from curation.actions.objects import Content
from curation.actions.refusing import store_errors
from curation.actions.working import Work
from curation.models import ImportRun, Job
from curation.storage.keys import CONTENT_TYPES, UNKNOWN
from curation.storage.sources.base import Source, SourceRefused
from curation.storage.sources.opening import KINDS, kind_of, open_archive, open_source
from curation.storage.spool import Spooled, ensure_room
from curation.storage.stores import object_store

JOB = "import"
KINDS_OF_JOB: dict[str, str] = {ImportRun.Kind.PICTURES: JOB, ImportRun.Kind.ANNOTATIONS: "import_annotations"}
LONGEST_SOURCE, LONGEST_GIVEN = 1000, 100  # characters
REPORT = ("path", "verdict", "reason", "sha256", "size", "media_id", "annotation_id")
REPORT_OF_MEANING = (*REPORT, "regions_kept", "regions_dropped", "regions_refused", "problems", "told")
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for one
PAGE = 1000  # items in memory
State = ImportRun.State
SUPERSEDED = "Import {} of the same source took over."

Keep = Callable[[ImportRun], None]


class CannotRead(Conflict):
    """The source cannot be taken, or broke off; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did, or in a trial would have done."""

    run: ImportRun | None
    counts: dict[str, int]  # verdict -> files
    refused: Callable[[], Iterator[tuple[str, str]]]  # path and reason of each

    @property
    def seen(self) -> int:
        return sum(self.counts.values())


# --- By command ------------------------------------------------------------------------------------


def ingest(address: str, asked: Asked, *, progress: Progress = no_progress) -> Outcome:
    """Take in a folder, a file, an archive or s3://bucket/prefix, as the command does.

    A run of the same source that was not finished is closed: this one finds what it has made, and goes on.
    Raises CannotRead, Busy, Full, Superseded; what was done until then is whole, and ingesting again goes on.
    """
    try:
        with open_source(address) as source:
            if asked.dry_run:
                return _tried(source, asked, progress)
            run = _begin(address, asked)
            return _done(run, source, asked, progress)
    except SourceRefused as error:
        raise CannotRead(str(error)) from error


def _done(run: ImportRun, source: Source, asked: Asked, progress: Progress) -> Outcome:
    journal = Written(run)
    try:
        _go(run, source, asked, journal, progress)
    except Refusal as refusal:
        fail(run, str(refusal))
        raise
    return Outcome(run, _counts(journal), journal.refused)


def _tried(source: Source, asked: Asked, progress: Progress) -> Outcome:
    journal = Remembered()
    Import(source, asked, journal, progress).go()
    return Outcome(None, _counts(journal), journal.refused)


def _begin(address: str, asked: Asked) -> ImportRun:
    """A new run, and the end of those that were killed."""
    columns = {"source": address[:LONGEST_SOURCE], "owner": asked.by.access, "organisation_id": asked.organisation_id}
    with transaction.atomic():
        run = ImportRun.objects.create(**columns, options={"source": asked.source})
        record("import.create", run, by=asked.by, after={"source": run.source})
        end_others(run)
    return run


def end_others(run: ImportRun) -> None:
    """End the runs of the same source and kind that no job works on: they were killed."""
    same = {name: getattr(run, name) for name in ("kind", "source", "owner", "organisation_id")}
    jobs = Job.objects.filter(kind=KINDS_OF_JOB[run.kind], state__in=[Job.State.WAITING, Job.State.RUNNING])
    left = ImportRun.objects.filter(**same, state=State.RUNNING).exclude(pk=run.pk)
    worked_on = {int(key) for key in jobs.values_list("key", flat=True)}
    left.exclude(pk__in=worked_on).update(
        state=State.CANCELLED, error=SUPERSEDED.format(run.pk), finished_at=timezone.now()
    )


# --- With an archive -------------------------------------------------------------------------------


def start(spooled: Spooled, *, name: str, source: str, by: Actor, keep: Keep = lambda run: None) -> ImportRun:
    """Keep an uploaded archive, and have a job take it in. source: given text for Media.source, "" as names say.

    Raises NotSupported, Busy, Full.
    """
    kind = kind_of(spooled.file)
    if not kind:
        raise NotSupported(f"This is no archive that we open: {KINDS}.")
    if len(source) > LONGEST_GIVEN or not source.isprintable():
        raise Invalid(f"must be readable, and have at most {LONGEST_GIVEN} characters", "body", "source")
    extension = "zip" if kind == "zip" else "bin"
    content = Content(f"incoming/{secrets.token_hex(16)}.{extension}", spooled, CONTENT_TYPES.get(extension, UNKNOWN))

    def rows() -> ImportRun:
        recheck(by)
        run = ImportRun.objects.create(
            owner=by.access,
            organisation_id=by.access.organisation_id if by.access else None,
            source=name or "archive",
            archive=content.key,
            sha256=spooled.sha256,
            size=spooled.size,
            options={"source": source},
        )
        record("import.create", run, by=by, after={"source": run.source, "sha256": spooled.sha256})
        queue.put(JOB, str(run.pk), {"run": run.pk}, by=by)
        keep(run)
        return run

    return commit(content, rows=rows)


def work(work: Work) -> None:
    """The job of one uploaded archive. Begun again, it goes on where it was stopped.

    Raises CannotRead, ScopeRefused and Superseded (the run has failed then), Busy.
    """
    run = ImportRun.objects.select_related("owner").filter(pk=work.payload["run"], state=State.RUNNING).first()
    if run is None:
        return  # it was finished by an attempt whose end was not heard
    by = Actor(run.owner, door="job")
    asked = Asked(by, run.organisation_id, source=str(run.options.get("source", "")))
    try:
        may_import(by)
        with store_errors():
            if settings.BUCKET_NAME:
                ensure_room(run.size or 0)  # it is spooled here
            with object_store().open_read(run.archive.name or "") as file:
                _go(run, open_archive(file), asked, Written(run), working(work))
    except SourceRefused as error:
        fail(run, str(error))
        raise CannotRead(str(error)) from error
    except Busy:
        raise
    except Full as refusal:
        raise Busy(f"{refusal} The import goes on when there is room.") from refusal
    except Refusal as refusal:
        fail(run, str(refusal))
        raise


def may_import(by: Actor) -> None:
    """Whether the owner still has the right, when the job's turn comes."""
    if by.access is not None and not (by.access.is_active and by.access.may(Right.IMPORT)):
        raise ScopeRefused


def state_of(run: ImportRun) -> tuple[str, str]:
    """State and error of a run: as its job says, where that ended and could not write it down."""
    if run.state == State.RUNNING and run.archive:
        job = Job.objects.filter(kind=KINDS_OF_JOB[run.kind], key=str(run.pk)).order_by("-pk").first()
        if job and job.state == Job.State.CANCELLED:
            return State.CANCELLED, job.error
        if job and job.state in {Job.State.FAILED, Job.State.DEAD}:
            return State.FAILED, job.error
    return run.state, run.error


def report(run: ImportRun) -> Iterator[str]:
    """Every file with its verdict, as lines of CSV, a page in memory at a time."""
    columns = REPORT_OF_MEANING if run.kind == ImportRun.Kind.ANNOTATIONS else REPORT
    yield _line(columns)
    done = 0
    while rows := list(run.items.filter(pk__gt=done).order_by("pk").values_list("pk", *columns)[:PAGE]):
        yield "".join(_line(row[1:]) for row in rows)
        done = rows[-1][0]


def in_words(told: Sequence[Sequence[str]]) -> str:
    """What became of regions: `line 3 (Fire): dropped; ...`."""
    return "; ".join(f"{where} ({class_}): {what}" if class_ else f"{where}: {what}" for where, class_, what in told)


def _line(cells: Iterable[object]) -> str:
    out = io.StringIO()
    texts = [in_words(cell) if isinstance(cell, list) else "" if cell is None else str(cell) for cell in cells]
    csv.writer(out).writerow([_cell(text) for text in texts])
    return out.getvalue()


def _cell(text: str) -> str:
    """Foreign text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULAS) else text


def working(work: Work) -> Progress:
    def progress(stage: str, count: int) -> None:
        work.progress(count)

    return progress


# --- Both ------------------------------------------------------------------------------------------


def _go(run: ImportRun, source: Source, asked: Asked, journal: Written, progress: Progress) -> None:
    try:
        Import(source, asked, journal, progress).go()
    except SourceRefused as error:
        fail(run, str(error))
        raise
    journal.recount()
    end(run, State.DONE, counts=_counts(journal))


def _counts(journal: Journal) -> dict[str, int]:
    return {verdict: journal.tally[verdict] for verdict in ("created", "unchanged", "refused", "skipped")}


def fail(run: ImportRun, sentence: str) -> None:
    end(run, State.FAILED, error=sentence[:1000])


def end(run: ImportRun, state: str, *, error: str = "", counts: dict[str, int] | None = None) -> None:
    """Say how a running run ended. Its archive is needed no more; a file of labels is kept, for layers speak of it."""
    columns: dict[str, Any] = {"state": state, "error": error, "finished_at": timezone.now()}
    stays = When(archive__startswith="annotations/", then=F("archive"))
    columns["archive"] = Case(stays, default=Value(""), output_field=CharField())
    if counts is not None:
        columns |= {"seen": sum(counts.values())} | counts
    ImportRun.objects.filter(pk=run.pk, state=State.RUNNING).update(**columns)
