"""Pyronear predictions: what a model saw in one picture, `{"predictions": [{"xyxyn", "confidence", "class_name"}]}`.

`xyxyn` are fractions: left, top, right, bottom. A missing confidence is unknown, not 0. Each region is a prediction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, Final

from curation.formats.collecting import Collecting, Said
from curation.formats.head import Head
from curation.formats.jsonstream import elements
from curation.formats.limits import LIMITS, Limits
from curation.formats.refusals import CannotSay, NotOfFormat
from curation.formats.regions import Item, PictureRef, PictureSize, Region
from curation.formats.writing import PLAIN, Options, Written, dumped, shaped, the_only

KNOWN: Final = frozenset({"xyxyn", "confidence", "class_name"})
NOT_IT: Final = "The file is not Pyronear predictions: it has no list of predictions."


def read(
    stream: IO[bytes],
    *,
    picture: PictureSize | None = None,
    names: Mapping[int, str] | None = None,  # labels are text
    limits: Limits = LIMITS,
) -> Iterator[Item]:
    """Yield the one picture. Raises NotOfFormat, TooComplex."""
    found = Collecting(limits, PictureRef(width=picture.width, height=picture.height) if picture else PictureRef())
    is_one = False
    for element in elements(stream, limits):
        if element.key == "predictions":
            is_one |= element.value == []
            if element.at is not None:
                _box(found, element.where, element.value)
    if not is_one:
        raise NotOfFormat(NOT_IT)
    yield found.parsed()


def looks_like(head: Head) -> bool:
    """By its first prediction; a file that has nothing but an empty list of them is one that saw nothing."""
    first = head.first("predictions")
    return "xyxyn" in first if first else head.keys == {"predictions"} == head.lists


def _box(found: Collecting, where: str, value: Any) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("xyxyn"), list):
        return found.problem(where, "The prediction has no xyxyn, and is left out.")
    said = Said(
        value.get("class_name", ""), score=value.get("confidence"), is_prediction=True, fields=value, known=KNOWN
    )
    return found.box(where, value["xyxyn"], said)


def write(stream: IO[bytes], pictures: Iterable[Written], options: Options = PLAIN) -> None:
    """Write the one picture. Raises CannotSay for truth, which would read as a prediction, and for polygons."""
    _, regions = the_only(pictures, "Pyronear predictions")
    said = [_described(region) for region in shaped(regions, options, "Pyronear predictions")]
    stream.write(dumped({"predictions": said}) + b"\n")


def _described(region: Region) -> dict[str, Any]:
    if not region.is_prediction:
        raise CannotSay("What is not a prediction would read as one in Pyronear predictions.")
    said: dict[str, Any] = {"xyxyn": list(region[:4])}
    if region.score is not None:
        said["confidence"] = region.score
    if region.label:
        said["class_name"] = region.label
    return said | {name: value for name, value in sorted(region.attributes.items()) if name not in said}
