"""Files by hand, and what is read of them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any

from curation.formats.limits import LIMITS, Limits
from curation.formats.regions import Item, Parsed, PictureRef, PictureSize, Problem, Region
from curation.formats.table import FORMATS
from curation.formats.writing import PLAIN, Options, Written

HD = PictureSize(1280, 720)
FRAME = PictureRef("frame.jpg", id="7", width=1280, height=720)


def content_of(what: Any) -> bytes:
    """Bytes as they are, text as UTF-8, everything else as JSON."""
    if isinstance(what, bytes):
        return what
    return (what if isinstance(what, str) else json.dumps(what)).encode()


def read(
    format_: str,
    what: Any,
    *,
    picture: PictureSize | None = None,
    names: dict[int, str] | None = None,
    limits: Limits = LIMITS,
) -> list[Item]:
    stream = io.BytesIO(content_of(what))
    return list(FORMATS[format_].read(stream, picture=picture, names=names, limits=limits))


def pictures(items: Iterable[Item]) -> list[Parsed]:
    return [item for item in items if isinstance(item, Parsed)]


def strays(items: Iterable[Item]) -> list[Problem]:
    """Problems that belong to no picture."""
    return [item for item in items if isinstance(item, Problem)]


def only(items: Iterable[Item]) -> Parsed:
    (parsed,) = pictures(items)
    return parsed


def write(format_: str, what: Iterable[Written], options: Options = PLAIN) -> bytes:
    stream = io.BytesIO()
    FORMATS[format_].write(stream, what, options)
    return stream.getvalue()


def write_one(format_: str, regions: Iterable[Region], options: Options = PLAIN, ref: PictureRef = FRAME) -> bytes:
    return write(format_, [(ref, regions)], options)


def told(parsed: Parsed) -> list[tuple[str, str]]:
    """Where each problem is, and the beginning of its sentence."""
    return [(problem.where, problem.sentence) for problem in parsed.problems]


def near(one: Region, other: Region, by: float = 1e-6) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one[:4], other[:4], strict=True))
