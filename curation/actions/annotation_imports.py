"""Imports of annotations as people ask for them: by the server's own command, or with a file that is uploaded."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from accounts.actions.audit import record
from accounts.actions.rights import recheck
from accounts.actor import Actor
from accounts.refusals import Busy, Full, Refusal
from curation.actions import queue
from curation.actions.annotations import content_of
from curation.actions.commit import commit
from curation.actions.content import annotation as identify
from curation.actions.importing.journal import Verdict
from curation.actions.importing.run import Progress, no_progress
from curation.actions.imports import (
    LONGEST_SOURCE,
    CannotRead,
    end,
    end_others,
    fail,
    may_import,
    working,
)
from curation.actions.meaning.asked import Asked, Claim
from curation.actions.meaning.journal import REGIONS, Journal, Remembered, Written
from curation.actions.meaning.rules import from_json
from curation.actions.meaning.run import Meanings
from curation.actions.objects import Content
from curation.actions.refusing import store_errors
from curation.actions.working import Work
from curation.models import ImportItem, ImportRun
from curation.storage.keys import CONTENT_TYPES, UNKNOWN
from curation.storage.sources.base import Source, SourceRefused
from curation.storage.sources.one import OneFile
from curation.storage.sources.opening import kind_of, open_archive, open_source
from curation.storage.spool import Spooled, ensure_room, spool
from curation.storage.stores import object_store

JOB = "import_annotations"
State = ImportRun.State
Keep = Callable[[ImportRun], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did, or in a trial would have done."""

    run: ImportRun | None
    files: int
    tally: Counter[str]  # verdicts of pictures, and the counts of REGIONS
    told: Callable[[], Iterator[ImportItem]]  # what is worth a line each

    @property
    def is_whole(self) -> bool:
        """Whether everything was taken that the mapping does not drop."""
        return not any(self.tally[name] for name in (Verdict.REFUSED, Verdict.NOT_FOUND, "regions_refused", "problems"))


# --- By command ------------------------------------------------------------------------------------


def import_annotations(address: str, asked: Asked, *, progress: Progress = no_progress) -> Outcome:
    """Give the labels of a folder, a file or an archive a meaning, as the command does.

    Raises CannotRead, Busy, Full, Superseded; what was done until then is whole, and importing again goes on.
    """
    reads_pictures = not address.startswith("s3://")
    try:
        with open_source(address) as source:
            if asked.dry_run:
                journal = Remembered()
                work = Meanings(source, asked, journal, progress, reads_pictures=reads_pictures)
                work.go()
                return _outcome(None, work, journal)
            run = _begin(address, asked)
            return _done(run, source, asked, progress, reads_pictures=reads_pictures)
    except SourceRefused as error:
        raise CannotRead(str(error)) from error


def _done(run: ImportRun, source: Source, asked: Asked, progress: Progress, *, reads_pictures: bool) -> Outcome:
    journal = Written(run)
    try:
        work = _go(run, source, asked, journal, progress, reads_pictures=reads_pictures)
    except Refusal as refusal:
        fail(run, str(refusal))
        raise
    return _outcome(run, work, journal)


def _outcome(run: ImportRun | None, work: Meanings, journal: Journal) -> Outcome:
    return Outcome(run, work.files, journal.tally, journal.told)


def _begin(address: str, asked: Asked) -> ImportRun:
    """A new run with its file, where it is one, and the end of those that were killed."""
    with _only_file(address) as content:

        def rows() -> ImportRun:
            run = _new_run(address, asked, content)
            end_others(run)
            return run

        if content is None:
            with transaction.atomic():
                return rows()
        with store_errors():
            return commit(content, rows=rows)


@contextmanager
def _only_file(address: str) -> Iterator[Content | None]:
    """What is to be kept once for the whole run: a file of labels; neither a folder nor an archive.

    Raises TooLarge, NotSupported, Full.
    """
    path = Path(address)
    if address.startswith("s3://") or not path.is_file():
        yield None
        return
    with path.open("rb") as file:
        if kind_of(file):
            yield None
            return
        pieces = iter(lambda: file.read(256 * 1024), b"")
        with store_errors(), spool(pieces, limit=settings.IMPORT_MAX_BYTES) as spooled:
            yield content_of(identify(spooled), spooled)


def _new_run(source: str, asked: Asked, content: Content | None) -> ImportRun:
    run = ImportRun.objects.create(
        kind=ImportRun.Kind.ANNOTATIONS,
        owner=asked.by.access,
        organisation_id=asked.organisation_id,
        source=source[:LONGEST_SOURCE],
        options=asked.options,
        mapping=asked.rules.as_json,
        archive=content.key if content else "",
        sha256=content.spooled.sha256 if content else "",
        size=content.spooled.size if content else None,
    )
    after = {"source": run.source, "sha256": run.sha256, "mapping": asked.rules.as_json, "claim": str(asked.claim)}
    record("import.create", run, by=asked.by, after=after)
    return run


# --- With a file -----------------------------------------------------------------------------------


def start(spooled: Spooled, *, name: str, asked: Asked, keep: Keep = lambda run: None) -> ImportRun:
    """Keep an uploaded file of labels, or an archive of such, and have a job take it in.

    Raises NotSupported for what is neither, Busy, Full.
    """
    content = _content(spooled)

    def rows() -> ImportRun:
        recheck(asked.by)
        run = _new_run(name or "labels", asked, content)
        queue.put(JOB, str(run.pk), {"run": run.pk}, by=asked.by)
        keep(run)
        return run

    return commit(content, rows=rows)


def _content(spooled: Spooled) -> Content:
    kind = kind_of(spooled.file)
    if not kind:
        return content_of(identify(spooled), spooled)
    extension = "zip" if kind == "zip" else "bin"
    return Content(f"incoming/{secrets.token_hex(16)}.{extension}", spooled, CONTENT_TYPES.get(extension, UNKNOWN))


def work(work: Work) -> None:
    """The job of one uploaded file. Begun again, it goes on where it was stopped.

    Raises CannotRead, ScopeRefused and Superseded (the run has failed then), Busy.
    """
    run = ImportRun.objects.select_related("owner").filter(pk=work.payload["run"], state=State.RUNNING).first()
    if run is None:
        return  # it was finished by an attempt whose end was not heard
    asked = asked_of(run)
    try:
        may_import(asked.by)
        with store_errors(), _archive(run) as source:
            _go(run, source, asked, Written(run), working(work))
    except SourceRefused as error:
        fail(run, str(error))  # it may have been refused before it was begun
        raise CannotRead(str(error)) from error
    except Busy:
        raise
    except Full as refusal:
        raise Busy(f"{refusal} The import goes on when there is room.") from refusal
    except Refusal as refusal:
        fail(run, str(refusal))
        raise


@contextmanager
def _archive(run: ImportRun) -> Iterator[Source]:
    if settings.BUCKET_NAME:
        ensure_room(run.size or 0)  # it is spooled here
    with object_store().open_read(run.archive.name or "") as file:
        yield open_archive(file) if kind_of(file) else OneFile(run.source, file, run.size or 0)


def asked_of(run: ImportRun) -> Asked:
    """What was asked, as the row keeps it."""
    options, names = run.options, run.options["names"]
    return Asked(
        Actor(run.owner, door="job"),
        from_json(run.mapping or {}),
        Claim(options["claim"]),
        run.organisation_id,
        None if names is None else {int(number): name for number, name in names.items()},
        options["model_name"],
        options["model_version"],
    )


# --- Both ------------------------------------------------------------------------------------------


def _go(
    run: ImportRun, source: Source, asked: Asked, journal: Written, progress: Progress, *, reads_pictures: bool = True
) -> Meanings:
    work = Meanings(source, asked, journal, progress, run_id=run.pk, reads_pictures=reads_pictures)
    try:
        work.go()
    except SourceRefused as error:
        fail(run, str(error))
        raise
    journal.recount()
    names = (*Verdict.values, *REGIONS)
    counts = {name: journal.tally[name] for name in names}
    end(run, State.DONE, counts=counts | {"seen": sum(journal.tally[verdict] for verdict in Verdict.values)})
    return work
