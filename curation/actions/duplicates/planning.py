"""Cut a search into parts of bounded size, which workers compare in any order.

A search takes on whatever is due, also from one that is under way or was killed: that one then compares less, and
nothing is lost. What it has found already is found once more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import Count, Exists, OuterRef, Subquery
from django.db.models.functions import Coalesce

from accounts.actor import Actor
from curation.models import ComparisonDue, DuplicateSearch, Fingerprint

PART = 50_000  # media that a part reads at once
STEP = 20_000  # rows that a statement writes
BANDS = 4
VALUES = 1 << 16  # of a band
WINDOW = 1 << 13  # values of a band that a statement counts

Progress = Callable[[str, int], None]
Part = dict[str, Any]


def begin(*, is_global: bool, by: Actor, progress: Progress) -> DuplicateSearch:
    """Take on what is due, and write down the parts."""
    search = DuplicateSearch.objects.create(is_global=is_global, requested_by=by.access)
    taken = 0
    for first, last in steps(_due(is_global)):
        rows = _due(is_global).filter(pk__gte=first, pk__lte=last)
        taken += rows.update(search=search)
        progress("comparisons taken on", taken)
    search.parts = [*_of_bytes(search), *_of_views(search)]
    if is_global:
        search.parts += [part for band in range(BANDS) for part in _of_band(search, band)]
    search.save(update_fields=["parts"])
    return search


def taken_on(search_id: int, *, is_global: bool) -> Any:
    """The rows of media that a search has taken on."""
    return ComparisonDue.objects.filter(search=search_id, is_global=is_global)


def _due(is_global: bool) -> Any:
    return ComparisonDue.objects.all() if is_global else ComparisonDue.objects.filter(is_global=False)


def steps(rows: Any) -> Iterator[tuple[int, int]]:
    """First and last id of every STEP rows."""
    done = 0
    while ids := list(rows.filter(pk__gt=done).order_by("pk").values_list("pk", flat=True)[:STEP]):
        yield ids[0], ids[-1]
        done = ids[-1]


def _media(search: DuplicateSearch) -> Iterator[tuple[int, int]]:
    """First and last media of every STEP that are due in their places."""
    rows, done = taken_on(search.pk, is_global=False).order_by("media").values_list("media", flat=True), 0
    while ids := list(rows.filter(media__gt=done)[:STEP]):
        yield ids[0], ids[-1]
        done = ids[-1]


def _of_bytes(search: DuplicateSearch) -> list[Part]:
    return [{"media": [first, last]} for first, last in _media(search)]


def _of_views(search: DuplicateSearch) -> list[Part]:
    """Views by how many media of theirs are due; those that are merged into one count as one."""
    counts: Counter[int] = Counter()
    for first, last in _media(search):
        rows = taken_on(search.pk, is_global=False).filter(media__gte=first, media__lte=last)
        placed = rows.filter(media__view__isnull=False, media__captured_at__isnull=False)
        shown = placed.annotate(shown=Coalesce("media__view__shown_as", "media__view")).order_by()
        counts.update(dict(shown.values_list("shown").annotate(Count("pk"))))
    return [{"views": [first, last]} for first, last in _packed(counts)]


def _of_band(search: DuplicateSearch, band: int) -> list[Part]:
    """Values of a band that media have which are due, by how many have them in all."""
    counts: Counter[int] = Counter()
    for first in range(0, VALUES, WINDOW):
        rows = in_band(search.pk, band, first, first + WINDOW - 1).order_by()
        counts.update(dict(rows.values_list(f"band{band}").annotate(Count("pk"))))
    return [{"band": band, "values": [first, last]} for first, last in _packed(counts)]


def in_band(search_id: int, band: int, first: int, last: int) -> Any:
    """Fingerprints with a value between these two, where one that is due has the same; `is_due` says which."""
    column, due = f"band{band}", taken_on(search_id, is_global=True)
    rows = Fingerprint.objects.filter(**{f"{column}__range": (first, last)})
    is_due = Exists(due.filter(media=OuterRef("media")))
    return rows.filter(**{f"{column}__in": Subquery(rows.filter(is_due).values(column))}).annotate(is_due=is_due)


def _packed(counts: Counter[int]) -> Iterator[tuple[int, int]]:
    """Ranges of numbers that count PART together at most; one that counts more is a range of its own."""
    first, last, size = 0, 0, 0
    for number in sorted(counts):
        if size and size + counts[number] > PART:
            yield first, last
            size = 0
        if not size:
            first = number
        last, size = number, size + counts[number]
    if size:
        yield first, last
