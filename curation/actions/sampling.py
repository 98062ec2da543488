"""Draw media from what a search finds: the best of an order, with at most so many of one view, camera or day.

The same search, sampling and seed over the same rows draw the same media, whatever the database: what decides is
computed here, and ties are broken by a digest of seed and id. Memory holds as many media as are drawn, never all.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from django.db.models import Max, Min

from accounts.models import Access
from accounts.refusals import Invalid
from curation.actions.searching import Search
from curation.actions.sequences import position
from curation.models import Media, Sequence, View

ORDERS = ("score_desc", "score_asc", "random", "captured")
PER = ("view", "camera", "sequence", "day")
COUNT_MAX = 100_000  # media of one sample
SEED_MAX = 2**63 - 1
PAGE = 2000  # media that are read together

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Sampling:
    """count: media at most. per, at_most: no more than so many of one view, camera, sequence or day; "" for any."""

    order: str
    count: int
    per: str = ""
    at_most: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self.order in ORDERS, f"value is not one of {', '.join(ORDERS)}", "order")
        _check(_is_whole(self.count, 1, COUNT_MAX), f"value is not from 1 to {COUNT_MAX}", "count")
        _check(self.per in ("", *PER), f"value is not one of {', '.join(PER)}", "per")
        _check(_is_whole(self.seed, 0, SEED_MAX), "value is no whole number from 0", "seed")
        wanted = _is_whole(self.at_most, 1, COUNT_MAX) if self.per else self.at_most == 0
        _check(wanted, "at_most belongs to per, and is at least 1", "at_most")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def sampling_of(said: Mapping[str, Any]) -> Sampling:
    """As somebody wrote it. Raises Invalid."""
    if unknown := sorted(set(said) - set(Sampling.__dataclass_fields__)):
        raise Invalid("unknown part of a sample", "body", "sample", str(unknown[0])[:100])
    for name in ("order", "count"):
        _check(name in said, "field required", name)
    return Sampling(**said)


def _check(holds: bool, sentence: str, name: str) -> None:
    if not holds:
        raise Invalid(sentence, "body", "sample", name)


def _is_whole(value: Any, smallest: int, largest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and smallest <= value <= largest


@dataclass
class Drawn:
    """ids: the best first. fitting: media that the search finds. unscored, undated: those that could not be drawn,
    because no region that fits has a score, or because their time is not known.
    """

    ids: list[int]
    fitting: int = 0
    unscored: int = 0
    undated: int = 0

    @property
    def report(self) -> dict[str, int]:
        left_out = self.fitting - self.unscored - self.undated - len(self.ids)
        return {
            "drawn": len(self.ids), "fitting": self.fitting, "unscored": self.unscored, "undated": self.undated,
            "beyond_count_or_quota": left_out,
        }  # fmt: skip


class Candidate(NamedTuple):
    """best: the score that orders it, None where none fits. is_scored: whether a region that fits has any score."""

    pk: int
    view: int | None
    sequence: int | None
    captured_at: datetime | None
    best: float | None
    is_scored: bool


Key = tuple[float | int, int, int]  # the smaller, the better


def draw(search: Search, sampling: Sampling, *, access: Access | None, progress: Progress = lambda _: None) -> Drawn:
    """What `access` sees (None: all) is looked through once, in the order of ids."""
    drawn, best = Drawn([]), Best(sampling.count, sampling.at_most)
    group_of = _groups(sampling.per)
    for candidate in _candidates(search, sampling, access, progress):
        drawn.fitting += candidate.best is not None or not candidate.is_scored
        if candidate.best is None:
            drawn.unscored += not candidate.is_scored
        elif sampling.order == "captured" and candidate.captured_at is None:
            drawn.undated += 1
        else:
            best.offer(_key(candidate, sampling), group_of(candidate))
    drawn.ids = best.ids()
    return drawn


def _key(candidate: Candidate, sampling: Sampling) -> Key:
    assert candidate.best is not None  # asked before
    first: float | int = {
        "score_desc": -candidate.best,
        "score_asc": candidate.best,
        "captured": position(candidate.captured_at),
    }.get(sampling.order, 0)
    return first, lot(sampling.seed, candidate.pk), candidate.pk


def lot(seed: int, media_id: int) -> int:
    """A number that looks random and is the same for ever."""
    return int.from_bytes(sha256(f"{seed}:{media_id}".encode()).digest()[:8])


def _groups(per: str) -> Callable[[Candidate], Hashable]:
    """What a media counts towards; those without a view (a sequence, a time) count together."""
    if per == "day":
        return lambda one: one.captured_at and one.captured_at.date()
    if per == "sequence":
        shown = dict(Sequence.objects.filter(shown_as__isnull=False).values_list("pk", "shown_as"))
        return lambda one: shown.get(one.sequence or 0, one.sequence)
    if per == "camera":
        camera = dict(View.objects.values_list("pk", "camera"))
        return lambda one: camera.get(one.view or 0)
    shown = dict(View.objects.filter(shown_as__isnull=False).values_list("pk", "shown_as"))
    return lambda one: shown.get(one.view or 0, one.view)


def _candidates(search: Search, sampling: Sampling, access: Access | None, progress: Progress) -> Iterator[Candidate]:
    by_score = sampling.order.startswith("score")
    columns = ("pk", "view", "item__sequence", "captured_at")
    if by_score or search.asks_scores:
        best = Min if sampling.order == "score_asc" else Max
        found = search.without_scores().rows(access, with_regions=True).values(*columns)
        rows = found.annotate(
            best=best("regions__score", filter=search.score_fits), any=Max("regions__score")
        ).values_list(*columns, "best", "any")
    else:
        rows = search.rows(access).values_list(*columns)
        rows = rows.distinct() if search.finds_twice else rows
    seen = 0
    for first, last in _slices():
        for row in rows.filter(pk__range=(first, last)).order_by("pk"):
            yield _candidate(*row)
        seen += PAGE
        progress(seen)


def _slices() -> Iterator[tuple[int, int]]:
    """First and last ids of PAGE media, then of the next. A limit would not do: all would be grouped for each page."""
    ids, last = Media.objects.order_by("pk").values_list("pk", flat=True), 0
    while page := list(ids.filter(pk__gt=last)[:PAGE]):
        yield page[0], page[-1]
        last = page[-1]


def _candidate(pk: int, view: Any, sequence: Any, at: Any, best: float | None = 0.0, any_score: Any = 0.0) -> Candidate:
    """Of columns; where no scores are asked for, all are alike."""
    return Candidate(pk, view, sequence, at, best, any_score is not None)


class Best:
    """The best of all that were offered, no more than `count`, and no more than `at_most` (0: any) of one group.

    They are those that a look through all in order would take. Whatever was left out once stays out: as many better
    ones are kept, and none of those ever goes but for a better one of its group.
    """

    def __init__(self, count: int, at_most: int) -> None:
        self.count, self.at_most = count, at_most
        self.all: list[Key] = []  # a heap, the worst on top; keys are negated in all of these
        self.groups: dict[Hashable, list[Key]] = {}
        self.group_of: dict[Key, Hashable] = {}  # of those that are kept; others in `all` have left

    def offer(self, key: Key, group: Hashable) -> None:
        turned = (-key[0], -key[1], -key[2])
        others = self.groups.setdefault(group if self.at_most else None, [])
        if self.at_most and len(others) == self.at_most:
            if turned < others[0]:
                return
            del self.group_of[heapq.heapreplace(others, turned)]
        else:
            heapq.heappush(others, turned)
        heapq.heappush(self.all, turned)
        self.group_of[turned] = group if self.at_most else None
        if len(self.group_of) > self.count:
            self._drop_worst()
        if len(self.all) > 2 * self.count + 1000:
            self.all = [one for one in self.all if one in self.group_of]
            heapq.heapify(self.all)

    def _drop_worst(self) -> None:
        while (worst := heapq.heappop(self.all)) not in self.group_of:
            """It left its group before."""
        group = self.group_of.pop(worst)
        heapq.heappop(self.groups[group])  # the worst of all is the worst of its group
        if not self.groups[group]:
            del self.groups[group]

    def ids(self) -> list[int]:
        """The best first."""
        return [-key[2] for key in sorted(self.group_of, reverse=True)]
