"""What every format is read into and written from: regions of pictures.

Coordinates are fractions of the upright picture, 0 at the left and top, rounded to 1e-9: 0 <= x1 < x2 <= 1. A score of
None is unknown, which is not 0. A class number means nothing without a list of names, so it stands beside the label.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

BOX: Final = "box"
POLYGON: Final = "polygon"
DIGITS: Final = 9  # of coordinates and scores, behind the point
NOTHING: Final[Mapping[str, Any]] = {}
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class PictureSize(NamedTuple):
    """Pixels of the upright picture."""

    width: int
    height: int


class PictureRef(NamedTuple):
    """How a file names a picture. Only text: nothing here is ever opened."""

    path: str = ""  # as it stands in the file: a path, a URL, a name
    id: str = ""  # in the file's own counting
    sha256: str = ""  # lower case
    width: int | None = None  # pixels
    height: int | None = None
    attributes: Mapping[str, Any] = NOTHING  # what else the file says of the picture

    @property
    def name(self) -> str:
        """The last part of the path, without a query."""
        path = self.path.replace("\\", "/")
        if "://" in path:
            path = path.partition("#")[0].partition("?")[0]
        return path.rpartition("/")[2]

    @property
    def size(self) -> PictureSize | None:
        return PictureSize(self.width, self.height) if self.width and self.height else None


class Region(NamedTuple):
    """A box, or a polygon with the box around it."""

    x1: float
    y1: float
    x2: float
    y2: float
    label: str = ""  # the source's text; "" = none was given
    class_id: int | None = None
    score: float | None = None  # 0..1
    kind: str = BOX
    points: tuple[tuple[float, float], ...] = ()  # of a polygon, at least 3
    object_id: str = ""  # the same in all pictures of one thing
    frame: int | None = None  # of a video, the first is 0
    is_prediction: bool = False  # a model's, never truth
    attributes: Mapping[str, Any] = NOTHING  # fields that we do not know, carried along
    where: str = ""  # line or path in the file it came from; not part of what the region says

    @property
    def size(self) -> tuple[float, float]:
        """Width and height, fractions."""
        return self.x2 - self.x1, self.y2 - self.y1


class Problem(NamedTuple):
    """What is wrong with a part of a file, for a person who wants to mend it."""

    where: str  # line 3, annotations[17], object 2
    sentence: str


class Parsed(NamedTuple):
    """What a file says of one picture."""

    picture: PictureRef
    regions: tuple[Region, ...] = ()
    problems: tuple[Problem, ...] = ()
    problems_count: int = 0  # may be more than are told

    @property
    def is_prediction(self) -> bool:
        """Whether any region is a model's: such a file is never truth as a whole."""
        return any(region.is_prediction for region in self.regions)


class Classes(NamedTuple):
    """The file's own list of names."""

    names: Mapping[int, str]


Item = Parsed | Problem | Classes  # what reading yields; a bare Problem belongs to no picture


# --- Canonical JSON: the same regions are the same bytes, in whatever order they came --------------------------


def as_json(region: Region) -> dict[str, Any]:
    """Say what a region says, without its defaults and without where it came from."""
    said: dict[str, Any] = {"kind": region.kind, "x1": region.x1, "y1": region.y1, "x2": region.x2, "y2": region.y2}
    for name in ("label", "class_id", "score", "object_id", "frame"):
        value = getattr(region, name)
        if value is not None and value != "":
            said[name] = value
    if region.points:
        said["points"] = [list(point) for point in region.points]
    if region.is_prediction:
        said["is_prediction"] = True
    if region.attributes:
        said["attributes"] = dict(region.attributes)
    return said


def from_json(said: Mapping[str, Any], where: str = "") -> Region:
    """Build the region that `as_json` said. Raises KeyError, TypeError, ValueError for what it cannot have said."""
    x1, y1, x2, y2 = (rounded(said[name]) for name in ("x1", "y1", "x2", "y2"))
    points = tuple((rounded(x), rounded(y)) for x, y in said.get("points", ()))
    score, class_id, frame = said.get("score"), said.get("class_id"), said.get("frame")
    region = Region(
        x1,
        y1,
        x2,
        y2,
        label=said.get("label", ""),
        class_id=class_id,
        score=None if score is None else rounded(score),
        kind=said["kind"],
        points=points,
        object_id=said.get("object_id", ""),
        frame=frame,
        is_prediction=said.get("is_prediction", False),
        attributes=said.get("attributes", NOTHING),
        where=where,
    )
    _check(region)
    return region


def _check(region: Region) -> None:
    if not (0 <= region.x1 < region.x2 <= 1 and 0 <= region.y1 < region.y2 <= 1):
        raise ValueError("the corners are no box within the picture")
    if region.kind not in (BOX, POLYGON) or (region.kind == POLYGON) != (len(region.points) >= 3):
        raise ValueError("kind and points do not agree")
    if not all(0 <= value <= 1 for point in region.points for value in point):
        raise ValueError("a point is outside of the picture")
    if region.score is not None and not 0 <= region.score <= 1:
        raise ValueError("the score is not between 0 and 1")
    for value in (region.class_id, region.frame):
        if value is not None and (type(value) is not int or value < 0):
            raise TypeError("a number is not a whole one")
    if not (type(region.label) is type(region.object_id) is str and type(region.is_prediction) is bool):
        raise TypeError("a text is none")
    if not isinstance(region.attributes, Mapping):
        raise TypeError("the attributes are no object")


def rounded(value: float) -> float:
    """Round a coordinate or a score to 1e-9; minus zero becomes zero."""
    return round(float(value), DIGITS) + 0.0


def canonical_text(region: Region) -> str:
    """One region: keys sorted, no white space, no escapes that are not needed, floats by `repr`."""
    return _ENCODER.encode(as_json(region))


def in_order(regions: Iterable[Region]) -> list[Region]:
    """Sort by the canonical text, code point by code point; this is the order of canonical JSON and of every writer."""
    return sorted(regions, key=canonical_text)


def canonical(regions: Iterable[Region]) -> bytes:
    """All regions of a picture as UTF-8, whatever their order was."""
    return canonical_of(sorted(map(canonical_text, regions)))


def canonical_of(texts: Iterable[str]) -> bytes:
    """The same, of the canonical texts of all regions in their order."""
    return f"[{','.join(texts)}]".encode()


def digest(regions: Iterable[Region]) -> str:
    """SHA-256 of the canonical JSON, 64 lower-case hex digits."""
    return hashlib.sha256(canonical(regions)).hexdigest()
