"""A search for near-duplicates from its beginning to its end, here or by jobs in parallel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from operator import add
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.actor import Actor
from curation.actions import queue
from curation.actions.duplicates import due, planning, settling
from curation.actions.duplicates.comparing import compare
from curation.actions.duplicates.neighbours import COMPARED, Report
from curation.actions.duplicates.planning import Progress
from curation.actions.working import Work
from curation.models import Cluster, ClusterItem, DuplicateSearch, Fingerprint

JOB = "find_duplicates"


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
    """Compare what is due and make clusters of it, in this process. Killed, it is begun again and finds the same."""
    begun = planning.begin(is_global=is_global, by=by, progress=progress)
    for number in range(len(begun.parts)):
        _compare(begun, number, progress)
    _finish(begun, progress)
    return outcome(begun.pk)


def search_by_jobs(*, is_global: bool, by: Actor, progress: Progress = silently) -> Outcome:
    """As `search`, but leave the parts to whoever runs jobs; the one that ends last has clusters made of them all."""
    begun = planning.begin(is_global=is_global, by=by, progress=progress)
    payloads = {f"{begun.pk}:{number}": {"search": begun.pk, "part": number} for number in range(len(begun.parts))}
    with transaction.atomic():
        queue.put_many(JOB, payloads, by=by) if payloads else _put_the_last(begun)
    return outcome(begun.pk)


def outcome(search_id: int) -> Outcome:
    row = DuplicateSearch.objects.get(pk=search_id)
    return Outcome(row.pk, row.is_global, len(row.parts), row.finished_at is not None, row.report)


def work(work: Work) -> None:
    """The job: payload {"search": id, "part": number}, or without a part: make clusters of what all parts found."""
    begun = DuplicateSearch.objects.filter(pk=work.payload["search"], finished_at=None).first()

    def progress(_stage: str, count: int) -> None:
        work.progress(count)

    if begun is None:
        return
    if "part" not in work.payload:
        _finish(begun, progress)
    elif str(work.payload["part"]) not in begun.reports:
        _compare(begun, work.payload["part"], progress, at_last=_put_the_last)


def _put_the_last(begun: DuplicateSearch) -> None:
    queue.put(JOB, f"{begun.pk}:clusters", {"search": begun.pk}, by=Actor(begun.requested_by, door="job"))


def _compare(
    begun: DuplicateSearch, number: int, progress: Progress, *, at_last: Callable[[DuplicateSearch], None] | None = None
) -> None:
    """One part. at_last: what whoever ends the last one does, within the transaction that says so."""
    report = compare(begun.pk, begun.parts[number], progress)
    with transaction.atomic():
        row = DuplicateSearch.objects.select_for_update(of=("self",)).select_related("requested_by").get(pk=begun.pk)
        row.reports[str(number)] = asdict(report)
        row.save(update_fields=["reports"])
        if at_last and len(row.reports) == len(row.parts):
            at_last(row)


def _finish(begun: DuplicateSearch, progress: Progress) -> None:
    """Make clusters of what the parts found. What was compared is due no more."""
    tally = settling.settle(progress)
    in_place, globally = (_forget(begun.pk, is_global=is_global) for is_global in (False, True))
    begun.refresh_from_db()
    begun.report = {
        "compared_in_place": in_place,
        "compared_globally": globally,
        **_sums(begun.reports),
        **asdict(tally),
        "awaiting": Cluster.objects.filter(awaits=True).count(),
        "cap": COMPARED,
    }
    begun.finished_at = timezone.now()
    begun.save(update_fields=["report", "finished_at"])


def _sums(reports: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    summed = asdict(Report())
    for report in reports.values():
        for name in summed:
            summed[name] = (max if name == "largest" else add)(summed[name], report[name])
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
    clusters = Cluster.objects.filter(pk__gte=first, pk__lte=last)
    undecided = clusters.select_for_update(no_key=True).filter(decision="").order_by("pk")
    grown = clusters.select_for_update(no_key=True).exclude(decision="").filter(awaits=True).order_by("pk")
    for rows in (undecided, grown):
        ids = list(rows.values_list("pk", flat=True))
        ClusterItem.objects.filter(Q(is_new=True) | Q(cluster__decision=""), cluster__in=ids).delete()
        due.recount(ids)
