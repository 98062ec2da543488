"""Pascal VOC: one XML per picture, boxes in pixels.

Source: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html. `annotation` with `filename`, `size`
(`width`, `height`), and `object` with `name` and `bndbox` (`xmin`, `ymin`, `xmax`, `ymax`). The devkit counted pixels
from 1; the tools of today count from 0, and so do we: xmin / width is the fraction. `confidence` or `score` within an
object makes it a prediction. Other fields of an object go along under their names; DTDs are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, Final
from xml.sax.saxutils import escape

from curation.formats.collecting import Collecting, Said, text
from curation.formats.head import Head
from curation.formats.limits import LIMITS, Limits
from curation.formats.refusals import CannotSay, NotOfFormat, TooComplex
from curation.formats.regions import Item, PictureRef, PictureSize, Region
from curation.formats.writing import PLAIN, Options, Written, shaped, size_of, the_only
from curation.formats.xmlstream import walk
from curation.formats.yolo import NUMBER

CORNERS: Final = ("xmin", "ymin", "xmax", "ymax")
KNOWN: Final = frozenset({"name", "score", "confidence", "track_id", *(f"bndbox/{corner}" for corner in CORNERS)})
TAG: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(/[A-Za-z_][A-Za-z0-9_.-]*)?", re.ASCII)


def read(
    stream: IO[bytes],
    *,
    picture: PictureSize | None = None,
    names: Mapping[int, str] | None = None,  # VOC has no numbers
    limits: Limits = LIMITS,
) -> Iterator[Item]:
    """Yield the one picture. picture: its real size; another in the file is told. Raises NotOfFormat, TooComplex."""
    file = _File(limits)
    walk(stream, file.started, file.ended, limits)
    yield from file.found(picture, limits)


def looks_like(head: Head) -> bool:
    """By the name of its root."""
    return head.root == "annotation"


class _File:
    """What was read so far: fields of the picture, and of each object, by their path below it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.fields: dict[str, str] = {}
        self.objects: list[dict[str, str]] = []

    def started(self, path: list[str]) -> None:
        if path[0] != "annotation":
            raise NotOfFormat(f"The file is not Pascal VOC: its root is {path[0][:50]!r}, not 'annotation'.")
        if path[1:] == ["object"]:
            if len(self.objects) >= self._limits.regions:
                raise TooComplex(f"A picture has more than {self._limits.regions:,} regions.")
            self.objects.append({})

    def ended(self, path: list[str], content: str) -> None:
        if path[1:2] == ["object"]:
            if len(path) > 2 and content:
                self.objects[-1].setdefault("/".join(path[2:]), content)
        elif content and len(path) > 1:
            self.fields.setdefault("/".join(path[1:]), content)

    def found(self, real: PictureSize | None, limits: Limits) -> Iterator[Item]:
        width, height = (_whole(self.fields.get(f"size/{side}", "")) for side in ("width", "height"))
        told = PictureSize(width, height) if width and height else None
        size = told or real
        ref = PictureRef(text(self.fields.get("filename") or self.fields.get("path", ""))[:1000])
        found = Collecting(limits, ref._replace(width=size.width, height=size.height) if size else ref)
        if told and real and told != real:
            sentence = (
                f"The file is about {told.width} x {told.height} pixels, the picture has {real.width} x {real.height}."
            )
            found.problem("size", sentence)
        for position, fields in enumerate(self.objects, start=1):
            _object(found, f"object {position}", fields, size)
        yield found.parsed()


def _object(found: Collecting, where: str, fields: dict[str, str], size: PictureSize | None) -> None:
    if size is None:
        return found.problem(where, "The size of the picture is unknown, so its pixels mean nothing; left out.")
    score = fields.get("confidence", fields.get("score"))
    said = Said(
        fields.get("name", ""),
        score=None if score is None else _number(score),
        object_id=fields.get("track_id", ""),
        is_prediction=score is not None,
        fields=fields,
        known=KNOWN,
    )
    return found.box(where, (_number(fields.get(f"bndbox/{corner}", "")) for corner in CORNERS), said, of=size)


def _number(content: str) -> float | str:
    return float(content) if NUMBER.fullmatch(content) else content


def _whole(content: str) -> int | None:
    return int(content) if re.fullmatch(r"[0-9]{1,9}", content) else None


# --- Writing -----------------------------------------------------------------------------------------------


def write(stream: IO[bytes], pictures: Iterable[Written], options: Options = PLAIN) -> None:
    """Write the one picture. Raises CannotSay for a picture without a size, polygons, predictions without a score."""
    picture, regions = the_only(pictures, "Pascal VOC")
    size = size_of(picture, "Pascal VOC")
    stream.write(_head(picture, size).encode())
    for region in shaped(regions, options, "Pascal VOC"):
        stream.write(_described(region, size, options).encode())
    stream.write(b"</annotation>\n")


def _head(picture: PictureRef, size: PictureSize) -> str:
    sides = f"<width>{size.width}</width><height>{size.height}</height><depth>3</depth>"
    return f"<annotation>\n  <filename>{_fit(picture.path)}</filename>\n  <size>{sides}</size>\n"


def _described(region: Region, size: PictureSize, options: Options) -> str:
    parts = [("name", region.label)]
    if region.is_prediction and options.predictions == "keep":
        if region.score is None:
            raise CannotSay("A prediction without a score would read as truth in Pascal VOC.")
        parts.append(("confidence", repr(region.score)))
    if region.object_id:
        parts.append(("track_id", region.object_id))
    lines = [f"    <{tag}>{_fit(value)}</{tag}>\n" for tag, value in parts]
    return f"  <object>\n{''.join(lines)}{_others(region)}{_bndbox(region, size)}  </object>\n"


def _bndbox(region: Region, size: PictureSize) -> str:
    values = [_pixels(value * size[at % 2]) for at, value in enumerate(region[:4])]
    corners = "".join(f"<{corner}>{value}</{corner}>" for corner, value in zip(CORNERS, values, strict=True))
    return f"    <bndbox>{corners}</bndbox>\n"


def _pixels(value: Any) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _others(region: Region) -> str:
    """Fields that came along and have a name that XML allows; text and numbers only."""
    found = []
    for name, value in sorted(region.attributes.items()):
        if TAG.fullmatch(name) and name not in KNOWN and isinstance(value, (str, int, float)):
            outer, _, inner = name.partition("/")
            content = f"<{inner}>{_fit(value)}</{inner}>" if inner else _fit(value)
            found.append(f"    <{outer}>{content}</{outer}>\n")
    return "".join(found)


def _fit(value: object) -> str:
    return escape(str(value))
