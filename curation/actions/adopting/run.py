"""The whole adoption: look at everything, refuse or go on, then table by table, batch by batch.

Accesses come first, then media, then annotations, each in the order of their ids. Objects are read outside
of transactions; a batch of rows is committed with ledger, history and findings in one. What is there already
is recognised by its id and left as it is, so that a run which was cut short is finished by the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from itertools import chain, islice
from typing import Any, TextIO

from django.db import transaction
from django.db.models import Q

from accounts.actor import Actor
from curation.actions import installation
from curation.actions.adopting import accesses, findings, identity, objects, sequences
from curation.actions.adopting.address import Address, SourceRefused
from curation.actions.adopting.annotations import AnnotationStep
from curation.actions.adopting.contents import Looker, picture_or_video
from curation.actions.adopting.findings import Code, Finding, Report, Verdict
from curation.actions.adopting.media import MediaStep
from curation.actions.adopting.source import TABLES, Source, open_source
from curation.actions.adopting.step import Step
from curation.actions.alone import NotAlone, one_collector
from curation.imaging.text import identify_text
from curation.models import Installation
from curation.storage.base import ObjectStore
from curation.storage.stores import object_store

BATCH = 200  # rows of a transaction

Progress = Callable[[str, int], None]


def no_progress(stage: str, count: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to take over, and how. Without `apply` nothing is written, and no object is read unless `full`."""

    address: Address
    apply: bool = False
    zone: tzinfo = UTC  # of the source's times
    renames: dict[str, str] = field(default_factory=dict)  # new login by old one
    missing_ok: bool = False
    full: bool = False


@dataclass(slots=True)
class Outcome:
    """Rows by table of the source."""

    applied: bool
    report: Report
    seen: Counter[str] = field(default_factory=Counter)
    created: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """{"applied", "seen", "created", "unchanged", "left_out": {table: n}, "problems": [{"code", "count"}]}."""
        columns = ("seen", "created", "unchanged", "left_out")
        numbers = {name: {table: getattr(self, name)[table] for table in TABLES} for name in columns}
        problems = [{"code": str(code), "count": count} for code, count in sorted(self.report.counts.items())]
        return {"applied": self.applied, **numbers, "problems": problems}


def adopt(asked: Asked, *, by: Actor, file: TextIO | None = None, progress: Progress = no_progress) -> Outcome:
    """Take over a pyro-storage 0.1, or without `apply` say what would happen. file: gets the whole report as CSV.

    Raises a Refusal with nothing changed, or StoreError or django.db.Error with some batches done: then run it again.
    """
    with _alone() if asked.apply else _in_company(), open_source(asked.address) as source:
        run = _Run(asked, source, by, progress, Outcome(asked.apply, Report(file)))
        run.look_at_everything()
        if asked.apply:
            run.begin()
        run.go()
        run.end()
        return run.outcome


@contextmanager
def _alone() -> Iterator[None]:
    """Neither another adoption nor the collector may be at work meanwhile."""
    try:
        with one_collector():
            yield
    except NotAlone as error:
        raise SourceRefused("Another adoption, or the collector, is at work; try again when it has ended.") from error


@contextmanager
def _in_company() -> Iterator[None]:
    """Looking may be done by many at a time."""
    yield


@dataclass(slots=True)
class _Run:
    asked: Asked
    source: Source
    by: Actor
    progress: Progress
    outcome: Outcome
    store: ObjectStore = field(default_factory=object_store)
    has_admin: bool = True
    presence: objects.Presence = field(default_factory=objects.Presence)

    # --- Before ------------------------------------------------------------------------------------

    def look_at_everything(self) -> None:
        """Everything that could refuse."""
        self.has_admin = accesses.check_logins(self.source, self.asked.renames)
        identity.check(self.source, renames=self.asked.renames, zone=self.asked.zone)
        self.store.ping()
        self.presence = objects.count(self.source, self.store)
        if not self.asked.missing_ok:
            self.presence.refuse_if_alarming()
        if changed := self.source.changed():
            raise SourceRefused(
                f"Somebody wrote to the source while it was read ({', '.join(changed)}). Stop the old service first."
            )

    def general(self) -> Iterator[Finding]:
        """What there is to say and is about no row."""
        if not self.has_admin:
            yield accesses.no_admin()
        yield from objects.unknown(self.source, self.store)

    def begin(self) -> None:
        """From here on nothing unknown in this store is taken for ours, and no id of the source is given away."""
        met = installation.remember()
        Installation.objects.filter(pk=met.pk, found_empty=True).update(found_empty=False)
        sequences.move_beyond(self.source.figures())
        findings.forget(Q(table=""))
        findings.keep(self.general())

    # --- Table by table ----------------------------------------------------------------------------

    def go(self) -> None:
        asked, source = self.asked, self.source
        self.take(accesses.Accesses(source, asked.renames, self.by))
        with Looker(self.store, self.presence.absent, picture_or_video) as looker:
            media = MediaStep(source, looker, asked.zone, self.by)
            self.take(media)
        with Looker(self.store, self.presence.absent, identify_text) as text_looker:
            self.take(AnnotationStep(source, text_looker, asked.zone, self.by, media.left_out))

    def take(self, step: Step[Any, Any]) -> None:
        rows, total = step.rows(), self.source.figures()[step.table].rows
        outcome = self.outcome
        while batch := list(islice(rows, BATCH)):
            known = step.known([old.id for old in batch])
            created = self.take_batch(step, [old for old in batch if old.id not in known])
            outcome.seen[step.table] += len(batch)
            outcome.unchanged[step.table] += len(known)
            outcome.created[step.table] += created
            outcome.left_out[step.table] += len(batch) - len(known) - created
            self.progress(f"of {total} {step.table}", outcome.seen[step.table])

    def take_batch(self, step: Step[Any, Any], olds: list[Any]) -> int:
        """Judge and, with apply, write rows that are not here yet; return how many became rows."""
        judged = step.judge(olds, read=self.asked.apply or self.asked.full)
        step.left_out.update(one.notes.row_id for one in judged if one.row is None)
        found = list(chain.from_iterable(one.notes.found for one in judged))
        if self.asked.apply and judged:
            with transaction.atomic(durable=True):
                step.write(judged)
                findings.forget(Q(table=step.table, row_id__in=[one.notes.row_id for one in judged]))
                findings.keep(found)
        for finding in () if self.asked.apply else found:
            self.outcome.report.add(finding)
        return sum(one.row is not None for one in judged)

    # --- After -------------------------------------------------------------------------------------

    def end(self) -> None:
        if not self.asked.apply:
            # What an earlier run took over was said then; what it left out has just been looked at again.
            for finding in chain(findings.kept(~Q(table="") & ~Q(verdict=Verdict.LEFT_OUT)), self.general()):
                self.outcome.report.add(finding)
            return
        late = [_changed(table) for table in self.source.changed()]
        findings.keep(late)
        sequences.move_beyond(self.source.figures_now())
        for finding in findings.kept():
            self.outcome.report.add(finding)


def _changed(table: str) -> Finding:
    sentence = f"Somebody wrote to {table} of the source meanwhile; what came late is not here. Run it again."
    return Finding(Code.SOURCE_CHANGED, Verdict.NOTED, sentence)
