"""A search for near-duplicates from its beginning to its end, here or by jobs in parallel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from operator import add
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.actor import Actor
from curation.actions import queue
from curation.actions.duplicates import due, planning, settling
from curation.actions.duplicates.comparing import compare
from curation.actions.duplicates.neighbours import COMPARED, Report
from curation.actions.duplicates.planning import Part, Progress
from curation.actions.working import Work
from curation.models import Cluster, ClusterItem, DuplicateSearch, Fingerprint

JOB = "find_duplicates"
PEAKS = ("largest", "apart")  # what is counted anew in each phase


def silently(stage: str, count: int) -> None:
    """Nobody watches."""


@dataclass(slots=True)
class Outcome:
    """What a search did, or that its `parts` wait for workers."""

    search: int  # its number
    is_global: bool
    parts: int
    is_done: bool
    report: Mapping[str, Any]


def search(*, is_global: bool, by: Actor, progress: Progress = silently) -> Outcome:
    """Compare what is due and make clusters of it, in this process. Killed, it goes on where it was."""
    while True:
        begun = planning.begin(is_global=is_global, by=by, progress=progress)
        while (phase := _phase(begun)) is not None:
            while parts := _open_parts(begun, phase):  # others may work on the same search
                _compare(begun, phase, parts[0], progress)
            _settle(begun, phase, progress)
        _finish(begun)
        if not planning.is_anything_due(is_global=is_global):  # else it was what another one had left
            return outcome(begun.pk)


def search_by_jobs(*, is_global: bool, by: Actor, progress: Progress = silently) -> Outcome:
    """As `search`, but leave the parts to whoever runs jobs; each phase follows when the one before has ended."""
    begun = planning.begin(is_global=is_global, by=by, progress=progress)
    with transaction.atomic():
        _put_next(begun, by=by)
    return outcome(begun.pk)


def outcome(search_id: int) -> Outcome:
    row = DuplicateSearch.objects.get(pk=search_id)
    parts = row.report.get("parts", sum(map(len, row.phases or [])))
    return Outcome(row.pk, row.is_global, parts, row.finished_at is not None, row.report)


def work(work: Work) -> None:
    """The job: payload {"search": id, "phase": number, "part": number}, or without a part: make clusters of what all
    parts of the phase found."""
    begun = DuplicateSearch.objects.filter(pk=work.payload["search"], finished_at=None).first()
    phase, by = work.payload["phase"], Actor(access=None, door="job")

    def progress(_stage: str, count: int) -> None:
        work.progress(count)

    def go_on(row: DuplicateSearch) -> None:
        _put_next(row, by=by)

    if begun is None or _phase(begun) != phase:
        return
    if "part" not in work.payload:
        _settle(begun, phase, progress, then=go_on)
    elif work.payload["part"] in _open_parts(begun, phase):
        _compare(begun, phase, work.payload["part"], progress, then=go_on)


# --- Phases ----------------------------------------------------------------------------------------

Then = Callable[[DuplicateSearch], None]


def _phase(begun: DuplicateSearch) -> int | None:
    """The one that is under way; None when all have ended."""
    if begun.finished_at is not None:
        return None
    return next((number for number in range(len(begun.phases or [])) if str(number) not in begun.reports), None)


def _parts(begun: DuplicateSearch, phase: int) -> list[Part]:
    return begun.phases[phase] if begun.phases and begun.finished_at is None else []


def _open_parts(begun: DuplicateSearch, phase: int) -> list[int]:
    return [number for number in range(len(_parts(begun, phase))) if f"{phase}.{number}" not in begun.reports]


def _put_next(begun: DuplicateSearch, *, by: Actor) -> None:
    """Within a transaction: the jobs that may begin now; after the last phase there are none, and the search ends."""
    phase = _phase(begun)
    if phase is None:
        _finish(begun)
        return
    payload = {"search": begun.pk, "phase": phase}
    parts = {f"{begun.pk}:{phase}.{number}": payload | {"part": number} for number in _open_parts(begun, phase)}
    queue.put_many(JOB, parts or {f"{begun.pk}:{phase}": payload}, by=by)


def _compare(begun: DuplicateSearch, phase: int, number: int, progress: Progress, *, then: Then | None = None) -> None:
    """One part. then: what whoever ends the last one does, within the transaction that says so."""
    name = f"{phase}.{number}"

    def is_open() -> bool:
        rows = DuplicateSearch.objects.filter(pk=begun.pk, finished_at=None).values_list("reports", flat=True)
        return any(name not in reports for reports in rows)

    report = compare(begun.pk, _parts(begun, phase)[number], progress, is_open=is_open)
    with transaction.atomic():
        _note(begun, name, asdict(report))
        if then and not _open_parts(begun, phase):
            then(begun)


def _settle(begun: DuplicateSearch, phase: int, progress: Progress, *, then: Then | None = None) -> None:
    """Make clusters of what the parts of a phase found."""

    def is_open() -> bool:
        row = DuplicateSearch.objects.select_for_update().get(pk=begun.pk)
        return row.finished_at is None and str(phase) not in row.reports

    tally = settling.settle(progress, may_go_on=is_open)
    with transaction.atomic():
        _note(begun, str(phase), asdict(tally))
        if then:
            then(begun)


def _note(begun: DuplicateSearch, name: str, report: dict[str, int]) -> None:
    """Within a transaction: write down what ended, and see what others wrote meanwhile."""
    row = DuplicateSearch.objects.select_for_update().get(pk=begun.pk)
    if row.finished_at is None:
        row.reports.setdefault(name, report)
        row.save(update_fields=["reports"])
    begun.reports, begun.finished_at = row.reports, row.finished_at


def _finish(begun: DuplicateSearch) -> None:
    """What was compared is due no more."""
    in_place, globally = (_forget(begun.pk, is_global=is_global) for is_global in (False, True))
    begun.report = {
        "parts": sum(map(len, begun.phases or [])),
        "compared_in_place": in_place,
        "compared_globally": globally,
        **_sums(begun.reports),
        "awaiting": Cluster.objects.filter(awaits=True).count(),
        "cap": COMPARED,
    }
    begun.finished_at = timezone.now()
    still_open = DuplicateSearch.objects.filter(pk=begun.pk, finished_at=None)
    still_open.update(report=begun.report, finished_at=begun.finished_at, phases=[], reports={})  # these may be large


def _sums(reports: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    summed = asdict(Report()) | asdict(settling.Tally())
    for report in reports.values():
        for name, count in report.items():
            summed[name] = (max if name in PEAKS else add)(summed[name], count)
    return summed


def _forget(search_id: int, *, is_global: bool) -> int:
    """Return how many were due."""
    rows, count = planning.taken_on(search_id, is_global=is_global), 0
    for first, last in planning.steps(rows):
        count += rows.filter(pk__gte=first, pk__lte=last).delete()[0]
    return count


# --- All of it anew --------------------------------------------------------------------------------


def begin_anew(progress: Progress = silently) -> None:
    """Have everything compared again, and take back every cluster and every member that no decision is about.

    May be interrupted, and begun again.
    """
    done = 0
    for first, last in planning.steps(Fingerprint.objects.all()):
        done += due.ask_range(first, last)
        progress("fingerprints due", done)
    for first, last in planning.steps(Cluster.objects.all()):
        _dissolve(first, last)


@transaction.atomic(durable=True)
def _dissolve(first: int, last: int) -> None:
    clusters = Cluster.objects.select_for_update(no_key=True).filter(pk__gte=first, pk__lte=last).order_by("pk")
    ids = list(clusters.values_list("pk", flat=True))
    ClusterItem.objects.filter(Q(is_new=True) | Q(cluster__decision=""), cluster__in=ids).delete()
    due.recount(ids)
    Cluster.objects.filter(Q(kept=None) | Q(kept__cluster_item__cluster=F("pk")), pk__in=ids).exclude(
        decision=""
    ).update(awaits=False)
