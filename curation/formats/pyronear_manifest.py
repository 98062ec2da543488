"""Pyronear `manifest.jsonl`: one alert per line, with its objects, their frames, and the boxes in each.

`image_path` and `detection_id` name a picture, which several objects of an alert may share; it is told once for each
alert. The alert's camera, azimuth and times go along with the picture. `sequence_id` is the object. A box of origin
`auto` or `engine` is a prediction, of `human` or `imported` not. Labels: see pyronear_labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, Final

from curation.formats.carried import TOO_DEEP
from curation.formats.collecting import Collecting, Labels, Problems, Said, text
from curation.formats.head import Head
from curation.formats.limits import LIMITS, Limits
from curation.formats.lines import lines
from curation.formats.pyronear_labels import (
    FALSE_POSITIVE,
    MACHINE,
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
from curation.formats.regions import Item, PictureRef, PictureSize, Problem, Region
from curation.formats.writing import PLAIN, Options, Written, dumped, shaped

FRAME: Final = frozenset({"detection_id", "image_path", "boxes", "sha256"})
BOX: Final = frozenset({"xyxyn", "smoke_type"})
NO_ALERT: Final = "The line is not an alert, a JSON object with objects, and is left out."
AS_THEY_ARE: Final = (
    "source_api",
    "platform_alert_id",
    "camera_name",
    "azimuth",
    "last_annotated_at",
    "temporal_model_score",
)
ALERT: Final = {name: name for name in AS_THEY_ARE} | {"alert_recorded_at": "recorded_at"}  # of a picture: of the alert


def read(
    stream: IO[bytes],
    *,
    picture: PictureSize | None = None,  # fractions need none
    names: Mapping[int, str] | None = None,  # labels are text
    limits: Limits = LIMITS,
) -> Iterator[Item]:
    """Yield the pictures of each alert. Raises NotOfFormat when no line is an alert, TooComplex."""
    labels, problems, alerts, pictures = Labels(limits), Problems(limits), 0, 0
    for number, line in lines(stream, longest=limits.element, most=limits.lines):
        if not line.strip(" \t\x1a"):
            continue
        alert = _alert(line)
        if alert is None:
            if problem := problems.add(f"line {number}", NO_ALERT):
                yield problem
            continue
        alerts += 1
        for item in _pictures(alert, f"line {number}", labels, limits):
            pictures += 1
            if pictures > limits.pictures:
                raise TooComplex(f"The file is about more than {limits.pictures:,} pictures.")
            yield item
    yield from problems.rest()
    if problems.count and not alerts:
        raise NotOfFormat("The file is not a Pyronear manifest: no line is an alert.")


def looks_like(head: Head) -> bool:
    """By the first object of its first alert."""
    return "frames" in head.first("objects") or ("objects" in head.lists and "platform_alert_id" in head.keys)


def _alert(line: str) -> Mapping[str, Any] | None:
    try:
        alert = json.loads(line.rstrip("\x1a"))
    except RecursionError as error:
        raise TooComplex(TOO_DEEP) from error
    except ValueError:
        return None
    return alert if isinstance(alert, dict) and isinstance(alert.get("objects"), list) else None


def _pictures(alert: Mapping[str, Any], where: str, labels: Labels, limits: Limits) -> Iterator[Item]:
    """One for each picture, whichever objects it shows."""
    shared = {mine: alert[name] for mine, name in ALERT.items() if alert.get(name) is not None}
    pictures: dict[tuple[str, str], Collecting] = {}
    for order, thing in enumerate(alert["objects"]):
        place = f"{where} objects[{order}]"
        frames = thing.get("frames") if isinstance(thing, dict) else None
        if not isinstance(frames, list):
            yield Problem(place, "The object has no list of frames, and is left out.")
            continue
        for position, frame in enumerate(frames):
            if not isinstance(frame, dict) or not isinstance(frame.get("image_path"), str):
                yield Problem(f"{place}.frames[{position}]", "The frame has no image_path, and is left out.")
                continue
            found = _picture(pictures, frame, shared, labels, limits)
            _boxes(found, f"{place}.frames[{position}]", frame, thing)
    yield from (found.parsed() for found in pictures.values())


def _picture(
    pictures: dict[tuple[str, str], Collecting],
    frame: Mapping[str, Any],
    shared: Mapping[str, Any],
    labels: Labels,
    limits: Limits,
) -> Collecting:
    key = (text(frame["image_path"])[:1000], text(frame.get("detection_id"))[:100])
    if key not in pictures:
        found = pictures[key] = Collecting(limits, labels=labels)
        attributes = found.fields("frame", {**shared, **frame}, FRAME)
        found.picture = PictureRef(*key, sha256=text(frame.get("sha256")).lower()[:64], attributes=attributes)
    return pictures[key]


def _boxes(found: Collecting, where: str, frame: Mapping[str, Any], thing: Mapping[str, Any]) -> None:
    boxes = frame.get("boxes")
    if not isinstance(boxes, list):
        return found.problem(where, "The frame has no list of boxes.")
    for position, box in enumerate(boxes):
        place = f"{where}.boxes[{position}]"
        if isinstance(box, dict) and isinstance(box.get("xyxyn"), list):
            found.box(place, box["xyxyn"], _said(box, thing))
        else:
            found.problem(place, "The box has no xyxyn, and is left out.")
    return None


def _said(box: Mapping[str, Any], thing: Mapping[str, Any]) -> Said:
    types = box.get(TYPES)
    label: Any = UNCERTAIN
    if thing.get("record_kind") != UNCERTAIN:
        label = label_of(
            is_smoke=thing.get("record_kind") == SMOKE, smoke_type=box.get("smoke_type"), false_positive_types=types
        )
    return Said(
        label,
        object_id=thing.get("sequence_id"),
        is_prediction=box.get("origin") in MACHINE,
        fields={**without_types(box), **several(types)},
        known=BOX,
    )


# --- Writing -----------------------------------------------------------------------------------------------


def write(stream: IO[bytes], pictures: Iterable[Written], options: Options = PLAIN) -> None:
    """Write one alert per line; pictures that follow each other and agree on their alert share a line.

    Raises CannotSay for labels outside of the taxonomy, for polygons, for regions without an object.
    """
    alert: dict[str, Any] = {}
    objects: dict[str, dict[str, Any]] = {}
    for picture, regions in pictures:
        mine = {name: picture.attributes[own] for own, name in ALERT.items() if own in picture.attributes}
        if objects and mine != alert:
            stream.write(_line(alert, objects))
            objects = {}
        alert = mine
        _place(objects, picture, shaped(regions, options, "A Pyronear manifest"), options)
    if objects:
        stream.write(_line(alert, objects))


def _line(alert: Mapping[str, Any], objects: Mapping[str, Mapping[str, Any]]) -> bytes:
    return dumped({**alert, "objects": list(objects.values())}) + b"\n"


def _place(objects: dict[str, dict[str, Any]], picture: PictureRef, regions: list[Region], options: Options) -> None:
    """Add a picture to the frames of each object that it shows; one that shows none goes to an object of its own."""
    by_object: dict[str, list[Region]] = {}
    for region in regions:
        by_object.setdefault(region.object_id, []).append(region)
    for object_id, shown in (by_object or {"": []}).items():
        kinds = {typed(region.label)[0] for region in shown} or {FALSE_POSITIVE}
        if len(kinds) > 1 or not kinds <= {SMOKE, FALSE_POSITIVE, UNCERTAIN}:
            raise CannotSay("An object of a Pyronear manifest is smoke, false_positive or uncertain, and only one.")
        (kind,) = kinds
        thing = objects.setdefault(object_id, {"sequence_id": _number(object_id), "record_kind": kind, "frames": []})
        if thing["record_kind"] != kind and shown:
            raise CannotSay("An object of a Pyronear manifest is smoke in one picture, and something else in another.")
        thing["frames"].append(_frame(picture, shown, options))


def _frame(picture: PictureRef, regions: list[Region], options: Options) -> dict[str, Any]:
    said: dict[str, Any] = {"detection_id": _number(picture.id), "image_path": picture.path}
    said |= {"sha256": picture.sha256} if picture.sha256 else {}
    said |= {name: value for name, value in sorted(picture.attributes.items()) if name not in (*ALERT, *FRAME)}
    return said | {"boxes": [_described(region, options) for region in regions]}


def _described(region: Region, options: Options) -> dict[str, Any]:
    kind, type_ = typed(region.label)
    machine = region.is_prediction and options.predictions == "keep"
    origin = region.attributes.get("origin")
    if origin is None or (origin in MACHINE) is not machine:
        origin = "auto" if machine else "human"
    types = types_of(region.label, region.attributes) or None
    said = {"xyxyn": list(region[:4]), "smoke_type": type_ if kind == SMOKE else None, TYPES: types, "origin": origin}
    return said | {name: value for name, value in sorted(region.attributes.items()) if name not in said}


def _number(text_: str) -> int | str | None:
    return int(text_) if text_.isascii() and text_.isdigit() else text_ or None
