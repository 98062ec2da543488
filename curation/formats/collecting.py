"""Where every reader puts what it finds of one picture: the rules for regions stand here, once.

A corner outside of the picture by at most 1e-6 is moved onto the edge; one further out as well, and told as a problem.
Regions that are no boxes after that, or carry numbers that are none, are left out and told.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from curation.formats.carried import carried, clean
from curation.formats.limits import LIMITS, Limits
from curation.formats.refusals import TooComplex
from curation.formats.regions import (
    DIGITS,
    NOTHING,
    POLYGON,
    Parsed,
    PictureRef,
    PictureSize,
    Problem,
    Region,
    rounded,
)

TOLERANCE: Final = 1e-6  # fraction of the picture
HIGHEST_CLASS: Final = 99_999
ONE: Final = PictureSize(1, 1)  # what fractions are fractions of
PERCENT: Final = PictureSize(100, 100)


class Said(NamedTuple):
    """What a file says of a region, besides its shape, as it stands there."""

    label: Any = ""
    class_id: int | None = None
    score: Any = None
    object_id: Any = ""
    frame: int | None = None
    is_prediction: bool = False
    fields: Mapping[str, Any] = NOTHING  # all that stand there
    known: frozenset[str] = frozenset()  # of these, the ones that are said elsewhere


NOTHING_SAID: Final = Said()


def number(value: Any) -> float | None:
    """A finite number, or None: neither text nor true, NaN or infinity is one."""
    if type(value) is not float and type(value) is not int:
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def whole(value: Any) -> int | None:
    """A whole number of at least 0 that a database can keep, or None."""
    return value if type(value) is int and 0 <= value < 1 << 31 else None


def text(value: Any) -> str:
    """Text or a whole number as text, "" for everything else."""
    return clean(str(value)) if type(value) is str or type(value) is int else ""


class Problems:
    """Tells the first ones, counts all."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.told: list[Problem] = []
        self.count = 0
        self._most = limits.problems

    def add(self, where: str, sentence: str) -> Problem | None:
        """Give back the problem while there is room for it."""
        self.count += 1
        if len(self.told) >= self._most:
            return None
        self.told.append(problem := Problem(clean(where)[:200], clean(sentence)[:500]))
        return problem

    def rest(self) -> list[Problem]:
        """How many there are besides those that were told."""
        more = self.count - len(self.told)
        return [Problem("file", f"{more:,} more problems are not told one by one.")] if more else []


class Labels:
    """The different labels of a file, which are not without number."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._seen: set[str] = set()
        self._limits = limits

    def fit(self, label: object) -> str | None:
        """The label as text; None when it is too long or none. Raises TooComplex for too many."""
        if not isinstance(label, str) or len(label) > self._limits.label:
            return None
        if not label or label in self._seen:
            return label
        self._seen.add(fit := clean(label))
        if len(self._seen) > self._limits.labels:
            raise TooComplex(f"The file has more than {self._limits.labels:,} different labels.")
        return fit


class Collecting:
    """Regions and problems of one picture."""

    def __init__(
        self,
        limits: Limits = LIMITS,
        picture: PictureRef = PictureRef(),  # noqa: B008  # it cannot change
        *,
        labels: Labels | None = None,
        names: Mapping[int, str] | None = None,
    ) -> None:
        self.picture, self.names = picture, names
        self._limits, self._labels = limits, labels or Labels(limits)
        self._regions: list[Region] = []
        self._problems = Problems(limits)
        self._points = 0

    def problem(self, where: str, sentence: str) -> None:
        self._problems.add(where, sentence)

    def parsed(self) -> Parsed:
        return Parsed(self.picture, tuple(self._regions), tuple(self._problems.told), self._problems.count)

    def box(self, where: str, corners: Iterable[Any], said: Said = NOTHING_SAID, *, of: PictureSize = ONE) -> None:
        """Add a box. corners: x1, y1, x2, y2 in a measure in which the picture is as large as `of`."""
        found = [number(value) for value in corners]
        if len(found) != 4:
            return self.problem(where, f"The box has {len(found)} numbers instead of 4, and is left out.")
        x1, y1, x2, y2 = found
        if x1 is None or y1 is None or x2 is None or y2 is None:
            return self.problem(where, "A corner of the box is not a number; the box is left out.")
        if x2 < x1 or y2 < y1:
            return self.problem(where, "The box has a negative size, and is left out.")
        width, height = of
        return self._add(where, (x1 / width, y1 / height, x2 / width, y2 / height), said)

    def polygon(self, where: str, points: Sequence[Any], said: Said = NOTHING_SAID, *, of: PictureSize = ONE) -> None:
        """Add a polygon. points: pairs of x and y, in the measure of `of`; one that crosses itself is kept so."""
        self._points += len(points)
        if self._points > self._limits.points:
            raise TooComplex(f"The polygons of a picture have more than {self._limits.points:,} points.")
        found: list[tuple[float, float]] = []
        for point in points:
            x, y = (number(value) for value in point) if _is_pair(point) else (None, None)
            if x is None or y is None:
                return self.problem(where, "A point of the polygon is not two numbers; the polygon is left out.")
            found.append((x / of.width, y / of.height))
        if len(set(found)) < 3:
            return self.problem(where, "The polygon has fewer than 3 points, and is left out.")
        xs, ys = zip(*found, strict=True)
        return self._add(where, (min(xs), min(ys), max(xs), max(ys)), said, tuple(found))

    # --- The rules -----------------------------------------------------------------------------------------

    def _add(
        self,
        where: str,
        corners: tuple[float, float, float, float],
        said: Said,
        points: tuple[tuple[float, float], ...] = (),
    ) -> None:
        if len(self._regions) >= self._limits.regions:
            raise TooComplex(f"A picture has more than {self._limits.regions:,} regions.")
        x1, y1, x2, y2 = _inside(corners[0]), _inside(corners[1]), _inside(corners[2]), _inside(corners[3])
        if x1 >= x2 or y1 >= y2:
            return self.problem(where, f"The region {_what_is_wrong(corners)}, and is left out.")
        named = self._named(where, said)
        if named is None:
            return None
        if min(corners) < -TOLERANCE or max(corners) > 1 + TOLERANCE:
            self.problem(where, "The region reaches outside of the picture; it was cut at the edge.")
        label, class_id = named
        region = Region(
            x1,
            y1,
            x2,
            y2,
            label,
            class_id,
            self._score(where, said.score) if said.score is not None else None,
            object_id=text(said.object_id)[:100] if said.object_id else "",
            frame=whole(said.frame),
            is_prediction=said.is_prediction,
            attributes=self.fields(where, said.fields, said.known) if said.fields else NOTHING,
            where=where,
        )
        if points:
            region = region._replace(kind=POLYGON, points=tuple((_inside(x), _inside(y)) for x, y in points))
        self._regions.append(region)
        return None

    def _named(self, where: str, said: Said) -> tuple[str, int | None] | None:
        """Label and class number; None, and a problem, when they cannot be kept."""
        label = self._labels.fit(said.label)
        if label is None:
            self.problem(where, f"The label is no text of at most {self._limits.label} characters; left out.")
            return None
        if said.class_id is None:
            return label, None
        if type(said.class_id) is not int or not 0 <= said.class_id <= HIGHEST_CLASS:
            self.problem(where, f"The class is not a number from 0 to {HIGHEST_CLASS}; the region is left out.")
            return None
        if self.names is not None and not label:
            label = self.names.get(said.class_id, "")
            if not label:
                self.problem(where, f"Class {said.class_id} is not in the list of names; the region has no label.")
        return label, said.class_id

    def _score(self, where: str, value: Any) -> float | None:
        score = number(value)
        if score is None or not -TOLERANCE <= score <= 1 + TOLERANCE:
            self.problem(where, "The score is not between 0 and 1; it counts as unknown.")
            return None
        return _inside(score)

    def fields(self, where: str, fields: Mapping[str, Any], known: frozenset[str]) -> Mapping[str, Any]:
        """The unknown ones among the fields of a region or a picture."""
        if fields.keys() <= known:
            return NOTHING
        rest = carried(fields, known, depth=self._limits.depth, most=self._limits.carried)
        if rest is None:
            self.problem(where, f"Fields that we do not know are longer than {self._limits.carried} bytes: left out.")
        return rest or NOTHING


def _is_pair(point: Any) -> bool:
    return isinstance(point, (list, tuple)) and len(point) == 2


def _inside(value: float) -> float:
    return 0.0 if value <= 0 else 1.0 if value >= 1 else round(value, DIGITS)


def _what_is_wrong(corners: tuple[float, float, float, float]) -> str:
    x1, y1, x2, y2 = corners
    outside = x2 <= 0 or y2 <= 0 or x1 >= 1 or y1 >= 1
    return "lies outside of the picture" if outside and x1 < x2 and y1 < y2 else "has no area"


def scored(value: float | None) -> float | None:
    """A score as a writer says it."""
    return None if value is None else rounded(value)
