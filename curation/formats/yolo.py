"""YOLO text: one picture, one line per box, `class cx cy w h`, and `score` behind it in a prediction.

Source: https://docs.ultralytics.com/datasets/detect/. `class` is an index into a list of names kept elsewhere; the
others are fractions of the picture: centre x, centre y, width, height. A sixth column is a model's score: that line is
a prediction, never truth. An empty file says that nothing is in the picture. Decimal numbers only: no hexadecimal, no
`nan`, no `1_000`. Says neither polygons nor sizes, names of pictures, tracks or other fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Final

from curation.formats.collecting import Collecting, Said, scored
from curation.formats.head import Head
from curation.formats.limits import LIMITS, Limits
from curation.formats.lines import lines
from curation.formats.refusals import CannotSay
from curation.formats.regions import Item, PictureRef, PictureSize, Region
from curation.formats.writing import PLAIN, Options, Written, numbers_of, shaped, the_only

NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", re.ASCII)
CLASS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
LOOKED_AT: Final = 20  # lines, when a file is to be recognised


def read(
    stream: IO[bytes],
    *,
    picture: PictureSize | None = None,
    names: Mapping[int, str] | None = None,
    limits: Limits = LIMITS,
) -> Iterator[Item]:
    """Yield the one picture. Raises NotOfFormat for what is not UTF-8, TooComplex."""
    ref = PictureRef(width=picture.width, height=picture.height) if picture else PictureRef()
    found = Collecting(limits, ref, names=names)
    for number, line in lines(stream, longest=limits.line, most=limits.lines):
        words = line.rstrip("\x1a").split()
        if words:
            _box(found, f"line {number}", words)
    yield found.parsed()


def _box(found: Collecting, where: str, words: list[str]) -> None:
    if len(words) not in (5, 6):
        return found.problem(where, f"The line has {len(words)} columns, not 5 or 6, and is left out.")
    if not CLASS.fullmatch(words[0]):
        return found.problem(where, "The class is not a whole number; the line is left out.")
    if not all(NUMBER.fullmatch(word) for word in words[1:]):
        return found.problem(where, "A column is not a decimal number; the line is left out.")
    cx, cy, w, h, *score = map(float, words[1:])
    said = Said(class_id=int(words[0]), score=score[0] if score else None, is_prediction=bool(score))
    return found.box(where, (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), said)


def looks_like(head: Head) -> bool:
    """At least half of the first lines are such lines; a file of white space is one that says: nothing here."""
    some = [words for line in head.text.rstrip("\x1a").splitlines() if (words := line.split())][:LOOKED_AT]
    return 2 * sum(map(_fits, some)) >= len(some)


def _fits(words: list[str]) -> bool:
    return len(words) in (5, 6) and bool(CLASS.fullmatch(words[0])) and all(map(NUMBER.fullmatch, words[1:]))


def write(stream: IO[bytes], pictures: Iterable[Written], options: Options = PLAIN) -> None:
    """Write the one picture. Classes are numbered by `options.names`, else by the numbers that the regions carry.

    Raises CannotSay for polygons, for labels without a number, for predictions without a score.
    """
    _, regions = the_only(pictures, "YOLO")
    numbers = numbers_of(options.names)
    for region in shaped(regions, options, "YOLO"):
        stream.write(_line(region, numbers, options).encode())


def _line(region: Region, numbers: dict[str, int], options: Options) -> str:
    x1, y1, x2, y2 = region[:4]
    columns = [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]
    if options.predictions == "keep" and region.is_prediction:
        if region.score is None:
            raise CannotSay("A prediction without a score would read as truth in YOLO.")
        columns.append(region.score)
    return " ".join([str(_class(region, numbers)), *(f"{scored(value):.9f}" for value in columns)]) + "\n"


def _class(region: Region, numbers: dict[str, int]) -> int:
    if region.label in numbers:
        return numbers[region.label]
    if region.class_id is None or numbers:
        raise CannotSay(f"YOLO numbers its classes, and the list of names has no {region.label or 'empty name'!r}.")
    return region.class_id
