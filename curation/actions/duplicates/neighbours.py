"""Who looks like whom among media in some order: each is compared with the last ones before it.

Orders are such that what looks alike stands close together. Of a crowd that looks all the same only as many likenesses
are told as hold it together, so that there are never more than media.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

ALIKE = 10  # of 256 bits: media that differ in no more are near-duplicates
COMPARED = 100  # media before it that one is compared with at most
FROZEN = 5  # pictures in a row with the same fingerprint: no living view looks the same to the last bit so long
BITS = 256


class Seen(NamedTuple):
    """A media as it is compared. is_due: not compared before; at: of its capture; cluster: its own, 0 for none."""

    media: int
    fingerprint: int
    is_due: bool
    at: datetime | None = None
    cluster: int = 0


class Pair(NamedTuple):
    """Two media that look alike, the newer one first."""

    high: int
    low: int
    distance: int
    is_frozen: bool = False


@dataclass(slots=True)
class Report:
    """What a comparison did."""

    pairs: int = 0  # likenesses told
    crowds: int = 0  # rows in which a media had more others before it than it was compared with
    left_out: int = 0  # such media
    largest: int = 0  # media of the largest crowd


def pair(one: Seen, other: Seen, distance: int, *, is_frozen: bool = False) -> Pair:
    high, low = (one, other) if one.media > other.media else (other, one)
    return Pair(high.media, low.media, distance, is_frozen)


def by_looks(bucket: Iterable[Seen], band: int) -> list[Seen]:
    """Ordered by the fingerprint, read from a quarter that differs from band to band: what one order tears apart by an
    early bit, another one keeps together."""
    turn = band * BITS // 4
    mask = (1 << BITS) - 1
    return sorted(
        bucket, key=lambda one: ((one.fingerprint << turn | one.fingerprint >> BITS - turn) & mask, one.media)
    )


class Row:
    """Media one after the other; remembers the last COMPARED and which of them hang together already.

    span: how long before another one a media is still compared with it; None: however long.
    """

    def __init__(self, report: Report, *, span: timedelta | None = None) -> None:
        self._report, self._span = report, span
        self._last: list[Seen] = []
        self._fingerprints: list[int] = []  # of these
        self._groups: list[int] = []  # and a number that those have in common which hang together
        self._clusters: dict[int, int] = {}  # the number of clusters that were found to hang together
        self._due = 0  # how many of these are due
        self._count = self._left_out = self._run = 0  # _run: pictures in a row that were the same

    def add(self, one: Seen) -> Iterator[Pair]:
        """The likenesses of the next media with those before it."""
        self._forget(one)
        self._count += 1
        places = self._near(one)
        mine = self._number(one)
        groups = {self._groups[place] for place in places}
        if groups - {mine}:
            yield from self._joined(one, places, mine)
        if self._span is not None:
            yield from self._frozen(one)
        self._one_group({*groups, mine}, mine)
        self._last.append(one)
        self._fingerprints.append(one.fingerprint)
        self._groups.append(mine)
        self._due += one.is_due

    def end(self) -> None:
        """Nothing follows: write down whether the row was a crowd."""
        self._report.left_out += self._left_out
        if self._left_out:
            self._report.crowds += 1
            self._report.largest = max(self._report.largest, self._count)

    def _forget(self, one: Seen) -> None:
        """Those that are too long ago, or too many."""
        gone = 0
        if self._span is not None and one.at is not None:
            while gone < len(self._last) and one.at - (self._last[gone].at or one.at) > self._span:
                gone += 1
        if len(self._last) - gone > COMPARED:
            gone = len(self._last) - COMPARED
            self._left_out += 1
        if gone:
            self._due -= sum(other.is_due for other in self._last[:gone])
            del self._last[:gone], self._fingerprints[:gone], self._groups[:gone]

    def _number(self, one: Seen) -> int:
        """That of its cluster, below 0, or one of its own, above."""
        number = -one.cluster or self._count
        while number in self._clusters:
            number = self._clusters[number]
        return number

    def _near(self, one: Seen) -> list[int]:
        """Places of those that look like this one; of two that were compared before nothing is asked."""
        if not one.is_due and not self._due:
            return []
        mine, alike = one.fingerprint, ALIKE
        places = [place for place, other in enumerate(self._fingerprints) if (other ^ mine).bit_count() <= alike]
        return places if one.is_due else [place for place in places if self._last[place].is_due]

    def _joined(self, one: Seen, places: list[int], mine: int) -> Iterator[Pair]:
        """One likeness for each group that hangs together: with the media of it that is nearest."""
        nearest: dict[int, tuple[int, int, int]] = {}
        for place in places:
            group = self._groups[place]
            if group != mine:
                distance = (self._fingerprints[place] ^ one.fingerprint).bit_count()
                told = (distance, self._last[place].media, place)
                nearest[group] = min(nearest.get(group, told), told)
        for distance, _, place in sorted(nearest.values()):
            self._report.pairs += 1
            yield pair(one, self._last[place], distance)

    def _frozen(self, one: Seen) -> Iterator[Pair]:
        before = self._last[-1] if self._last else None
        self._run = self._run + 1 if before and before.fingerprint == one.fingerprint else 1
        is_due = one.is_due or any(other.is_due for other in self._last[1 - FROZEN :])
        if before and self._run >= FROZEN and is_due:
            yield pair(one, before, 0, is_frozen=True)

    def _one_group(self, joined: set[int], number: int) -> None:
        """Those that hang together have one number from now on."""
        if len(joined) > 1:
            self._clusters |= {group: number for group in joined if group < 0 and group != number}
            self._groups = [number if group in joined else group for group in self._groups]


def in_a_row(media: Iterable[Seen], report: Report, *, span: timedelta | None = None) -> Iterator[Pair]:
    """The likenesses of a whole row."""
    row = Row(report, span=span)
    for one in media:
        yield from row.add(one)
    row.end()
