"""Pyronear sequence annotation: the things that people saw in one sequence, each with its boxes in many pictures.

`{"sequences_bbox": [{"is_smoke", "smoke_type", "false_positive_types", "bboxes": [{"detection_id", "xyxyn"}]}]}`. A
picture is named by its `detection_id` alone; `xyxyn` are fractions: left, top, right, bottom. Each thing is an object,
numbered in the file's order from 0. `is_unsure` makes it `uncertain`. Labels: see pyronear_labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, Final

import orjson

from curation.formats.collecting import Collecting, Labels, Problems, Said, text
from curation.formats.groups import Groups
from curation.formats.head import Head
from curation.formats.jsonstream import Element, elements
from curation.formats.limits import LIMITS, Limits
from curation.formats.pyronear_labels import (
    FALSE_POSITIVE,
    SMOKE,
    TYPES,
    UNCERTAIN,
    label_of,
    several,
    typed,
    types_of,
    without_types,
)
from curation.formats.refusals import CannotSay, NotOfFormat, TooComplex
from curation.formats.regions import Item, PictureRef, PictureSize, Region
from curation.formats.writing import PLAIN, Options, Written, dumped, shaped

BOX: Final = frozenset({"detection_id", "xyxyn"})
NOT_IT: Final = "The file is not a Pyronear sequence annotation: it has no list sequences_bbox."


def read(
    stream: IO[bytes],
    *,
    picture: PictureSize | None = None,  # fractions need none
    names: Mapping[int, str] | None = None,  # labels are text
    limits: Limits = LIMITS,
) -> Iterator[Item]:
    """Yield each picture, in the order of first mention. Raises NotOfFormat, TooComplex."""
    problems, is_one, owners = Problems(limits), False, dict[str, int]()
    with Groups() as boxes:
        for element in elements(stream, limits):
            if element.key == "sequences_bbox":
                is_one |= element.value == []
                if element.at is not None:
                    _take(element, boxes, owners, problems, limits)
        if not is_one:
            raise NotOfFormat(NOT_IT)
        yield from problems.told + problems.rest()
        yield from _pictures(boxes, owners, limits)


def looks_like(head: Head) -> bool:
    return "sequences_bbox" in head.lists


def _take(element: Element, boxes: Groups, owners: dict[str, int], problems: Problems, limits: Limits) -> None:
    thing = element.value if isinstance(element.value, dict) else {}
    listed = thing.get("bboxes")
    if not isinstance(listed, list):
        problems.add(element.where, "It has no list of bboxes, and is left out.")
        return
    shared = {"label": _label(thing), "object": str(element.at), TYPES: thing.get("false_positive_types")}
    for position, box in enumerate(listed):
        where = f"{element.where}.bboxes[{position}]"
        detection = text(box.get("detection_id")) if isinstance(box, dict) else ""
        if not 0 < len(detection) <= limits.label:
            problems.add(where, "The box names no detection, and is left out.")
            continue
        owner = owners.setdefault(detection, len(owners))
        if owner >= limits.pictures:
            raise TooComplex(f"The file is about more than {limits.pictures:,} pictures.")
        boxes.put(owner, _packed(shared | {"where": where, "box": box}, where, problems))


def _label(thing: Mapping[str, Any]) -> Any:
    if thing.get("is_unsure") is True:
        return UNCERTAIN
    return label_of(
        is_smoke=thing.get("is_smoke") is True,
        smoke_type=thing.get("smoke_type"),
        false_positive_types=thing.get("false_positive_types"),
    )


def _packed(value: dict[str, Any], where: str, problems: Problems) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # a number too large, or half a surrogate pair
        problems.add(where, "The box holds what cannot be kept, and is left out.")
        return b""


def _pictures(boxes: Groups, owners: dict[str, int], limits: Limits) -> Iterator[Item]:
    labels = Labels(limits)
    boxes.arrange(len(owners))
    for detection, owner in owners.items():
        found = Collecting(limits, PictureRef(id=detection), labels=labels)
        for record in boxes.of(owner):
            if record:
                _box(found, orjson.loads(record))
        yield found.parsed()


def _box(found: Collecting, record: Mapping[str, Any]) -> None:
    box, where = record["box"], record["where"]
    if not isinstance(box.get("xyxyn"), list):
        return found.problem(where, "The box has no xyxyn, and is left out.")
    fields = {**without_types(box), **several(record[TYPES])}
    said = Said(record["label"], object_id=record["object"], fields=fields, known=BOX)
    return found.box(where, box["xyxyn"], said)


# --- Writing -----------------------------------------------------------------------------------------------


def write(stream: IO[bytes], pictures: Iterable[Written], options: Options = PLAIN) -> None:
    """Write one sequence, in memory. Regions of one object and label are one thing; those of no object are one each.

    Raises CannotSay for a picture without an id, for labels outside of the taxonomy, for predictions and polygons.
    """
    things: dict[tuple[str, ...], dict[str, Any]] = {}
    for picture, regions in pictures:
        if not picture.id:
            raise CannotSay("A Pyronear sequence names its pictures by their detection, and one has no id.")
        for region in shaped(regions, options, "A Pyronear sequence"):
            if region.is_prediction and options.predictions == "keep":
                raise CannotSay("A Pyronear sequence says what people saw; a prediction would read as truth.")
            alone = () if region.object_id else (str(len(things)),)
            thing = things.setdefault((region.object_id, region.label, *alone), _thing(region))
            thing["bboxes"].append(_described(region, picture))
    stream.write(dumped({"sequences_bbox": list(things.values())}) + b"\n")


def _thing(region: Region) -> dict[str, Any]:
    kind, type_ = typed(region.label)
    if kind not in (SMOKE, FALSE_POSITIVE, UNCERTAIN):
        raise CannotSay(f"A Pyronear sequence knows smoke and false positives, and not {region.label!r}.")
    types = types_of(region.label, region.attributes)
    thing = {"is_smoke": kind == SMOKE, "smoke_type": type_ if kind == SMOKE else None, TYPES: types, "bboxes": []}
    return thing | ({"is_unsure": True} if kind == UNCERTAIN else {})


def _described(region: Region, picture: PictureRef) -> dict[str, Any]:
    id_ = int(picture.id) if picture.id.isascii() and picture.id.isdigit() else picture.id
    others = {name: value for name, value in sorted(region.attributes.items()) if name not in BOX and name != TYPES}
    return {"detection_id": id_, "xyxyn": list(region[:4])} | others
