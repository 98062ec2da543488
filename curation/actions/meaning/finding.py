"""The media that files name: by SHA-256 where it is said, else by file name; the path decides between several.

Nothing is guessed: what fits no media, or more than one, is told.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import Count, QuerySet

from accounts.names import fold
from curation.models import ImportItem, Media
from curation.storage.headers import clean_name

DIGEST = re.compile(r"[0-9a-f]{64}")
LONGEST_NAME = 255  # of the column
COMPARED = 50  # media of one name, or of one digest, that are compared by their paths
NO_DIGEST = "No media has this SHA-256."
NO_NAME = "No media has this file name."
NO_WORD = "The file names this picture neither by name nor by SHA-256."
SEVERAL = "{} media are called so; none was chosen."
ALIKE = "{} media have these bytes; none was chosen."


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a picture is named. paths: where it lies or may lie, likely ones first; sha256: "" when it is not said."""

    paths: tuple[str, ...]
    sha256: str = ""

    @property
    def names(self) -> set[str]:
        return {folded for path in self.paths if (folded := folded_name(path))}


@dataclass(slots=True)
class Candidate:
    """A media that may be the one."""

    media_id: int
    name: str  # folded
    width: int | None
    height: int | None
    sequence: str
    paths: list[str] = field(default_factory=list)  # under which it was imported


@dataclass(frozen=True, slots=True)
class Found:
    """media_id: 0 when none was; then the reason says why. is_ambiguous: there are several."""

    media_id: int = 0
    width: int | None = None
    height: int | None = None
    reason: str = ""
    is_ambiguous: bool = False


def folded_name(path: str) -> str:
    """As media keep the name of their file; a URL is its path."""
    if "://" in path:
        path = path.partition("#")[0].partition("?")[0]
    return fold(clean_name(path))[:LONGEST_NAME]


def find(wanted: Sequence[Wanted], media: QuerySet[Media]) -> list[Found]:
    """One answer for each, by a handful of queries for all of them. media: those that may be found."""
    digests = {one.sha256 for one in wanted if DIGEST.fullmatch(one.sha256)}
    names = {name for one in wanted if one.sha256 not in digests for name in one.names}
    looked = _Looked(media, "sha256", digests), _Looked(media, "name_folded", names)
    answers = [_among(one, *looked) for one in wanted]
    open_ = [candidate for answer in answers if isinstance(answer, list) for candidate in answer]
    _learn_paths(open_)
    return [
        answer if isinstance(answer, Found) else _decided(one, answer)
        for one, answer in zip(wanted, answers, strict=True)
    ]


class _Looked:
    """Media by one of their columns; of values that too many share, only how many there are."""

    def __init__(self, media: QuerySet[Media], column: str, values: Iterable[str]) -> None:
        rows = media.filter(**{f"{column}__in": sorted(values)}).order_by() if values else media.none()
        self.counts = dict(rows.values_list(column).annotate(count=Count("pk")))
        self._found: dict[str, list[Candidate]] = defaultdict(list)
        few = [value for value, count in self.counts.items() if count <= COMPARED]
        chosen = rows.filter(**{f"{column}__in": few}) if few else media.none()
        for value, *columns in chosen.values_list(column, "pk", "name_folded", "width", "height", "sequence"):
            self._found[value].append(Candidate(*columns))

    def of(self, value: str) -> list[Candidate]:
        return self._found.get(value, [])


def _among(one: Wanted, by_digest: _Looked, by_name: _Looked) -> Found | list[Candidate]:
    """The only media that it can be, why there is none, or several that are to be compared."""
    if DIGEST.fullmatch(one.sha256):
        return _one_of(by_digest.counts.get(one.sha256, 0), by_digest.of(one.sha256), NO_DIGEST, ALIKE)
    names = one.names
    if not names:
        return Found(reason=NO_WORD)
    count = sum(by_name.counts.get(name, 0) for name in names)
    return _one_of(count, [row for name in sorted(names) for row in by_name.of(name)], NO_NAME, SEVERAL)


def _one_of(count: int, rows: list[Candidate], none: str, several: str) -> Found | list[Candidate]:
    if not count:
        return Found(reason=none)
    if count == 1 and rows:
        return _found(rows[0])
    return rows if len(rows) == count else Found(reason=several.format(count), is_ambiguous=True)


def _learn_paths(candidates: list[Candidate]) -> None:
    if not candidates:
        return
    paths = defaultdict(list)
    rows = ImportItem.objects.filter(media__in={row.media_id for row in candidates}, annotation=None)
    for media_id, path in rows.values_list("media", "path").distinct():
        paths[media_id].append(path)
    for row in candidates:
        row.paths = paths[row.media_id]


def _decided(one: Wanted, rows: list[Candidate]) -> Found:
    """By the name, for those that share their bytes; then by the path."""
    named = [row for row in rows if row.name in one.names] or rows
    if len(named) == 1:
        return _found(named[0])
    placed = [row for row in named if any(_fits(path, row) for path in one.paths)]
    if len(placed) == 1:
        return _found(placed[0])
    return Found(reason=(ALIKE if one.sha256 else SEVERAL).format(len(rows)), is_ambiguous=True)


def _fits(path: str, row: Candidate) -> bool:
    """Whether one of both paths ends with the other, folders included; or a folder is the sequence of the media."""
    parts = _parts(path)
    if len(parts) < 2:
        return False
    if row.sequence and row.sequence in parts[:-1]:
        return True
    return any(_one_ends_with_the_other(parts, _parts(known)) for known in row.paths)


def _parts(path: str) -> list[str]:
    return [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]


def _one_ends_with_the_other(one: list[str], other: list[str]) -> bool:
    shorter = min(len(one), len(other))
    return shorter > 1 and one[-shorter:] == other[-shorter:]


def _found(row: Candidate) -> Found:
    return Found(row.media_id, row.width, row.height)
