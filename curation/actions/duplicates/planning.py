"""Cut a search into parts of bounded size, which workers compare in any order.

A search that was killed is gone on with; when two go on with the same one, both find the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from accounts.actor import Actor
from curation.models import ClusterItem, ComparisonDue, DuplicateSearch, Fingerprint

PART = 50_000  # media that a part reads at once
STEP = 20_000  # rows that a statement writes
BANDS = 4
VALUES = 1 << 16  # of a band
WINDOW = 1 << 13  # values of a band that a statement counts

Progress = Callable[[str, int], None]
Part = dict[str, Any]


def begin(*, is_global: bool, by: Actor, progress: Progress) -> DuplicateSearch:
    """The search of this reach that has not come to its end, or a new one of what is due."""
    search = _open(is_global) or _begun(is_global, by)
    while search.phases is None:
        _take_on(search, progress)
        seen = ComparisonDue.objects.filter(search=search).count()
        first, *others = _phases(search)
        phases = [first, *filter(None, others)]  # the first one settles, too, what a slow search has left
        with transaction.atomic():
            search = _locked(search)
            if search.phases is None and ComparisonDue.objects.filter(search=search).count() == seen:
                search.phases = phases
                search.save(update_fields=["phases"])
    return search


def _open(is_global: bool) -> DuplicateSearch | None:
    return DuplicateSearch.objects.filter(is_global=is_global, finished_at=None).first()


def _begun(is_global: bool, by: Actor) -> DuplicateSearch:
    """A new search; whoever was faster has begun it."""
    try:
        with transaction.atomic():
            return DuplicateSearch.objects.create(is_global=is_global, requested_by=by.access)
    except IntegrityError:
        return _open(is_global) or _begun(is_global, by)


def _locked(search: DuplicateSearch) -> DuplicateSearch:
    return DuplicateSearch.objects.select_for_update().get(pk=search.pk)


def _take_on(search: DuplicateSearch, progress: Progress) -> None:
    """Nothing is taken on when another one has planned the search meanwhile: it would not be compared."""
    taken = 0
    for first, last in steps(_due(search.is_global)):
        with transaction.atomic():
            if _locked(search).phases is not None:
                return
            taken += _due(search.is_global).filter(pk__gte=first, pk__lte=last).update(search=search)
        progress("comparisons taken on", taken)


def _phases(search: DuplicateSearch) -> Iterator[list[Part]]:
    yield [*_of_bytes(search), *_of_views(search)]
    if search.is_global:
        touched = _touched(search)
        for band in range(BANDS):
            yield _of_band(band, touched[band])


def due(search_id: int, media: str, *, is_global: bool) -> Subquery:
    """Not NULL for a media (the name of its column) that a search has taken on.

    A question for each row, answered by the index of that row: PostgreSQL, which does not know yet how many rows a
    search took on a moment ago, would read all of them for any other.
    """
    return Subquery(taken_on(search_id, is_global=is_global).filter(media=OuterRef(media)).values("pk")[:1])


def is_anything_due(*, is_global: bool) -> bool:
    """Whether there is something that no search has taken on."""
    return bool(_due(is_global).exists())


def taken_on(search_id: int, *, is_global: bool) -> Any:
    """The rows of media that a search has taken on."""
    return ComparisonDue.objects.filter(search=search_id, is_global=is_global)


def _due(is_global: bool) -> Any:
    rows = ComparisonDue.objects.filter(search=None)
    return rows if is_global else rows.filter(is_global=False)


def steps(rows: Any) -> Iterator[tuple[int, int]]:
    """First and last id of every STEP rows."""
    done = 0
    while ids := list(rows.filter(pk__gt=done).order_by("pk").values_list("pk", flat=True)[:STEP]):
        yield ids[0], ids[-1]
        done = ids[-1]


def _media(search: DuplicateSearch, *, is_global: bool = False) -> Iterator[tuple[int, int]]:
    """First and last media of every STEP that are due."""
    rows, done = taken_on(search.pk, is_global=is_global).order_by("media").values_list("media", flat=True), 0
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
    return [{"views": views} for views in _packed(counts)]


def _touched(search: DuplicateSearch) -> list[set[int]]:
    """The values of each band that media have which are due."""
    touched: list[set[int]] = [set() for _ in range(BANDS)]
    for first, last in _media(search, is_global=True):
        rows = Fingerprint.objects.annotate(due=due(search.pk, "media", is_global=True))
        rows = rows.filter(due__isnull=False, media__gte=first, media__lte=last)
        for values in rows.values_list(*(f"band{band}" for band in range(BANDS))):
            for seen, value in zip(touched, values, strict=True):
                seen.add(value)
    return touched


def _of_band(band: int, touched: set[int]) -> list[Part]:
    """Values that media have which are due, by how many have them in all."""
    counts: Counter[int] = Counter()
    for first in range(0, VALUES, WINDOW):
        rows = Fingerprint.objects.filter(**{f"band{band}__range": (first, first + WINDOW - 1)}).order_by()
        counted = rows.values_list(f"band{band}").annotate(Count("pk"))
        counts.update({value: count for value, count in counted if value in touched})
    return [{"band": band, "values": values} for values in _packed(counts)]


def in_band(search_id: int, band: int, values: list[int]) -> Any:
    """Fingerprints with these values: `due` says which are, and `cluster` where they are."""
    rows = Fingerprint.objects.filter(**{f"band{band}__in": values})
    cluster = Subquery(ClusterItem.objects.filter(media=OuterRef("media")).values("cluster")[:1])
    return rows.annotate(due=due(search_id, "media", is_global=True), cluster=cluster)


def _packed(counts: Counter[int]) -> Iterator[list[int]]:
    """Numbers that count PART together at most; one that counts more is alone."""
    packed, size = list[int](), 0
    for number in sorted(counts):
        if packed and size + counts[number] > PART:
            yield packed
            packed, size = [], 0
        packed.append(number)
        size += counts[number]
    if packed:
        yield packed
