"""Compare one part of a search, and queue the likenesses that are found. Twice is as once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from django.db.models import Max, Min, Q

from curation.actions.duplicates.neighbours import COMPARED, Pair, Report, Seen, by_looks, in_a_row
from curation.actions.duplicates.planning import PART, Part, Progress, due, in_band
from curation.actions.sequences import GAP
from curation.models import Fingerprint, Likeness, Media, View

WITHIN = GAP  # of time: what a view shows after the pause that ends a sequence is something else
BATCH = 1000  # rows that a statement writes
TIMES = 5000  # capture times in memory
APART = timedelta(days=1)  # due media with no longer pause are read in one go


def compare(search_id: int, part: Part, progress: Progress, *, is_open: Callable[[], bool]) -> Report:
    """part: {"media": [first, last]}, {"views": numbers} or {"band": n, "values": numbers}.

    is_open: asked before likenesses are queued, and false when another one has done this part: what was read since may
    hold clusters that are made of it, and tell other likenesses.
    """
    report, told = Report(), 0
    pairs = _pairs(search_id, part, report)
    while batch := list(islice(pairs, BATCH)):
        if not is_open():
            break
        told += len(batch)
        Likeness.objects.bulk_create([Likeness(**one._asdict()) for one in batch], ignore_conflicts=True)
        progress("likenesses", told)
    return report


def _pairs(search_id: int, part: Part, report: Report) -> Iterator[Pair]:
    if "media" in part:
        first, last = part["media"]
        return _of_bytes(search_id, first, last, report)
    if "views" in part:
        return _of_views(search_id, part["views"], report)
    return _of_band(search_id, part["band"], part["values"], report)


def _number(fingerprint: Any) -> int:
    return int.from_bytes(bytes(fingerprint))


# --- The same bytes --------------------------------------------------------------------------------


def _of_bytes(search_id: int, first: int, last: int, report: Report) -> Iterator[Pair]:
    """Each is tied to the first media with its bytes, and that one to the last: late ones find the others so."""
    rows = Media.objects.living().stored().filter(pk__gte=first, pk__lte=last).order_by("pk")
    rows = rows.annotate(due=due(search_id, "pk", is_global=False)).filter(due__isnull=False)
    done = first - 1
    while page := dict(rows.filter(pk__gt=done).values_list("pk", "sha256")[:BATCH]):
        ends = _ends(set(page.values()))
        for media, sha256 in page.items():
            low, high = ends.get(sha256, (media, media))
            one, other = (media, low) if media != low else (high, low)
            if one > other:
                report.pairs += 1
                yield Pair(one, other, 0)
        done = max(page)


def _ends(digests: set[str]) -> dict[str, tuple[int, int]]:
    """First and last media by their bytes; of these that have a fingerprint."""
    rows = Media.objects.living().filter(sha256__in=digests, fingerprint__isnull=False).order_by()
    return {sha256: (low, high) for sha256, low, high in rows.values_list("sha256").annotate(Min("pk"), Max("pk"))}


# --- The same view ---------------------------------------------------------------------------------


def _of_views(search_id: int, shown: list[int], report: Report) -> Iterator[Pair]:
    for view_id in shown:
        views = list(View.objects.shown_as(view_id).values_list("pk", flat=True))
        for start, end in _spans(search_id, views):
            yield from in_a_row(_frames(search_id, views, start - WITHIN, end + WITHIN), report, span=WITHIN)


def _spans(search_id: int, views: list[int]) -> Iterator[tuple[datetime, datetime]]:
    """When media of these views were taken that are due; cut where there is a long pause."""
    rows = Media.objects.filter(view__in=views, captured_at__isnull=False).order_by("captured_at")
    taken_on = rows.annotate(due=due(search_id, "pk", is_global=False)).filter(due__isnull=False)
    times: Any = taken_on.values_list("captured_at", flat=True).distinct()
    done: datetime | None = None
    while page := list((times.filter(captured_at__gt=done) if done else times)[:TIMES]):
        start = before = page[0]
        for at in page[1:]:
            if at - before > APART:
                yield start, before
                start = at
            before = at
        yield start, before
        done = before


def _frames(search_id: int, views: list[int], start: datetime, end: datetime) -> Iterator[Seen]:
    """What these views showed within a span, in the order of capture; PART of it in memory."""
    rows = Fingerprint.objects.filter(media__view__in=views, media__deleted_at=None, media__captured_at__lte=end)
    rows = rows.annotate(due=due(search_id, "media", is_global=False)).order_by("media__captured_at", "media")
    behind = Q(media__captured_at__gte=start)
    while page := list(rows.filter(behind).values_list("media", "dhash256", "due", "media__captured_at")[:PART]):
        yield from (Seen(media, _number(looks), taken is not None, at) for media, looks, taken, at in page)
        media, at = page[-1][0], page[-1][3]
        behind = Q(media__captured_at__gt=at) | Q(media__captured_at=at, media__gt=media)


# --- The same band ---------------------------------------------------------------------------------


def _of_band(search_id: int, band: int, values: list[int], report: Report) -> Iterator[Pair]:
    rows = in_band(search_id, band, values).order_by(f"band{band}", "media")
    rows = rows.values_list("media", "dhash256", "due", f"band{band}", "cluster")
    if len(values) == 1:
        yield from _of_a_crowd(rows, band, report)
        return
    for _, bucket in groupby(list(rows), itemgetter(3)):  # not more than planned, but for what came since
        yield from in_a_row(by_looks(map(_seen, bucket), band), report)


def _of_a_crowd(rows: Any, band: int, report: Report) -> Iterator[Pair]:
    """Of media that all have one value: PART at a time, and with each PART a sample of those before."""
    done, sample = 0, list[Seen]()
    while page := list(rows.filter(media__gt=done)[:PART]):
        bucket = by_looks([*sample, *map(_seen, page)], band)
        yield from in_a_row(bucket, report)
        done, sample = page[-1][0], bucket[:: max(1, len(bucket) // COMPARED)]


def _seen(row: tuple[int, Any, int | None, int, int | None]) -> Seen:
    media, fingerprint, taken, _, cluster = row
    return Seen(media, _number(fingerprint), taken is not None, cluster=cluster or 0)
