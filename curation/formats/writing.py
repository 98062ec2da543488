"""What writers share: what is handed to them, and how they refuse what their format has no words for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple

from curation.formats.refusals import CannotSay
from curation.formats.regions import BOX, POLYGON, PictureRef, PictureSize, Region, in_order

Written = tuple[PictureRef, Iterable[Region]]  # what a writer is told of one picture


class Options(NamedTuple):
    """What a format may leave out. By default nothing: it refuses."""

    names: Mapping[int, str] | None = None  # by which classes are numbered
    polygons: Literal["refuse", "box"] = "refuse"  # box: the one around the polygon is written
    predictions: Literal["keep", "as_truth"] = "keep"  # as_truth: scores are left out, where a format knows only truth


PLAIN: Final = Options()


def shaped(regions: Iterable[Region], options: Options, format_: str) -> list[Region]:
    """The regions in order, for a format without polygons. Raises CannotSay."""
    found = []
    for region in in_order(regions):
        if region.kind == POLYGON and options.polygons == "refuse":
            raise CannotSay(f"{format_} has no polygons; ask for the boxes around them, or for another format.")
        found.append(region._replace(kind=BOX, points=()) if region.kind == POLYGON else region)
    return found


def the_only(pictures: Iterable[Written], format_: str) -> Written:
    """The one picture that a format with a file for each has to say. Raises CannotSay."""
    found = [picture for _, picture in zip(range(2), pictures, strict=False)]
    if len(found) != 1:
        raise CannotSay(f"A file of {format_} is about one picture, neither more nor less.")
    return found[0]


def size_of(picture: PictureRef, format_: str) -> PictureSize:
    if picture.size is None:
        raise CannotSay(f"{format_} counts in pixels, and the size of {picture.name or 'the picture'} is unknown.")
    return picture.size


def numbers_of(names: Mapping[int, str] | None) -> dict[str, int]:
    """Class number by label; of two equal labels the lowest."""
    return {label: number for number, label in sorted(names.items(), reverse=True)} if names else {}


def dumped(value: Any, *, indent: int | None = None) -> bytes:
    """JSON as every writer writes it, so that the same regions are the same bytes."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return text.encode()
