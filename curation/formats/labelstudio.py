"""Label Studio: a JSON list of tasks, or one task; places in percent of the picture, from its top left corner.

Source: https://labelstud.io/guide/task_format. `data.image` names the picture; `annotations[].result[]` are made by
people, `predictions[].result[]` by models. `rectanglelabels` with a `rotation` (degrees, clockwise, around the top left
corner) becomes a polygon; `polygonlabels` are polygons. Annotations that were cancelled are left out. Brushes,
ellipses, key points and videos are told as problems. The region's `id` is carried along.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, Final

from curation.formats.collecting import PERCENT, Collecting, Labels, Said, number, text, whole
from curation.formats.head import Head
from curation.formats.jsonstream import Element, elements
from curation.formats.limits import LIMITS, Limits
from curation.formats.refusals import NotOfFormat, TooComplex
from curation.formats.regions import POLYGON, Item, PictureRef, PictureSize, Problem, Region, in_order
from curation.formats.writing import PLAIN, Options, Written, dumped

TASK: Final = frozenset({"data", "annotations", "predictions", "id"})
RESULT: Final = frozenset(
    {"type", "value", "original_width", "original_height", "image_rotation", "score", "from_name", "to_name", "meta"}
)
MADE: Final = (("annotations", False), ("predictions", True))  # by whom: is it a prediction
RECTANGLE: Final = "rectanglelabels"
OUTLINE: Final = "polygonlabels"


def read(
    stream: IO[bytes],
    *,
    picture: PictureSize | None = None,
    names: Mapping[int, str] | None = None,  # labels are text
    limits: Limits = LIMITS,
) -> Iterator[Item]:
    """Yield each task's picture. Raises NotOfFormat, TooComplex."""
    labels, single, tasks = Labels(limits), dict[str, Any](), 0
    for element in elements(stream, limits):
        if element.key:
            _gather(single, element, limits)
        elif element.at is not None:
            tasks += 1
            if tasks > limits.pictures:
                raise TooComplex(f"The file is about more than {limits.pictures:,} pictures.")
            if isinstance(element.value, dict):
                yield _task(element.value, f"[{element.at}]", picture, labels, limits)
            else:
                yield Problem(f"[{element.at}]", "The task is not an object, and is left out.")
    if single and not isinstance(single.get("data"), dict):
        raise NotOfFormat("The file is not a task of Label Studio: it has no data.")
    if single:
        yield _task(single, "task", picture, labels, limits)


def looks_like(head: Head) -> bool:
    """By its first task, or by the parts of its only one."""
    task = head.first("")
    if task:
        return isinstance(task.get("data"), dict) and not {"annotations", "predictions"}.isdisjoint(task)
    return any("result" in head.first(key) for key, _ in MADE) or ("data" in head.keys and "annotations" in head.lists)


def _gather(task: dict[str, Any], element: Element, limits: Limits) -> None:
    """A file of one task comes in parts."""
    if element.at is None:
        task[element.key] = element.value
    elif element.key in TASK:
        task[element.key].append(element.value)
        if len(task[element.key]) > limits.problems:
            raise TooComplex(f"A task has more than {limits.problems} {element.key}.")


def _task(task: Mapping[str, Any], where: str, real: PictureSize | None, labels: Labels, limits: Limits) -> Item:
    found = Collecting(limits, labels=labels)
    results = list(_results(found, task, where))
    width, height = _size(results) or real or (None, None)
    data = task.get("data")
    found.picture = PictureRef(
        path=_image(data)[:1000] if isinstance(data, dict) else "",
        id=text(task.get("id"))[:100],
        width=width,
        height=height,
        attributes=found.fields(where, task, TASK),
    )
    for place, result, is_prediction, score in results:
        _result(found, place, result, is_prediction=is_prediction, score=score)
    return found.parsed()


def _image(data: Mapping[str, Any]) -> str:
    """The value under `image`, else the first text."""
    texts = (value for value in data.values() if isinstance(value, str))
    return text(data["image"] if isinstance(data.get("image"), str) else next(texts, ""))


def _results(
    found: Collecting, task: Mapping[str, Any], where: str
) -> Iterator[tuple[str, Mapping[str, Any], bool, Any]]:
    """Place, result, whether it is a prediction, and the score of the whole prediction."""
    for key, is_prediction in MADE:
        layers = task.get(key) or []
        for order, layer in enumerate(layers if isinstance(layers, list) else []):
            place = f"{where}.{key}[{order}]"
            results = layer.get("result") if isinstance(layer, dict) else None
            if not isinstance(results, list):
                found.problem(place, "It has no list of results, and is left out.")
            elif not layer.get("was_cancelled"):
                for position, result in enumerate(results):
                    if isinstance(result, dict):
                        yield f"{place}.result[{position}]", result, is_prediction, layer.get("score")
                    else:
                        found.problem(f"{place}.result[{position}]", "It is not an object, and is left out.")


def _size(results: Iterable[tuple[str, Mapping[str, Any], bool, Any]]) -> tuple[int, int] | None:
    for _, result, _, _ in results:
        width, height = whole(result.get("original_width")), whole(result.get("original_height"))
        if width and height:
            return width, height
    return None


def _result(found: Collecting, where: str, result: Mapping[str, Any], *, is_prediction: bool, score: Any) -> None:
    kind, value = result.get("type"), result.get("value")
    if kind not in (RECTANGLE, OUTLINE) or not isinstance(value, dict):
        return found.problem(where, "It is neither a rectangle nor a polygon with labels, and is left out.")
    names = value.get(kind)
    if not isinstance(names, list) or len(names) > 1:
        return found.problem(where, "It has no list of one label, and is left out.")
    said = Said(
        names[0] if names else "",
        score=result.get("score", score) if is_prediction else None,
        is_prediction=is_prediction,
        fields=result,
        known=RESULT,
    )
    if kind == OUTLINE:
        points = value.get("points")
        return found.polygon(where, points if isinstance(points, list) else [], said, of=PERCENT)
    return _rectangle(found, where, value, said)


def _rectangle(found: Collecting, where: str, value: Mapping[str, Any], said: Said) -> None:
    x, y, width, height = (number(value.get(name)) for name in ("x", "y", "width", "height"))
    if x is None or y is None or width is None or height is None:
        return found.problem(where, "x, y, width and height are not all numbers; the rectangle is left out.")
    turned = number(value.get("rotation", 0)) or 0
    if turned % 360 == 0:
        return found.box(where, (x, y, x + width, y + height), said, of=PERCENT)
    if found.picture.size is None:
        return found.problem(where, "It is turned, and the size of the picture is unknown; left out.")
    return found.polygon(where, _turned((x, y, width, height), turned, found.picture.size), said, of=PERCENT)


def _turned(place: tuple[float, float, float, float], degrees: float, size: PictureSize) -> list[list[float]]:
    """The four corners in percent; turning keeps angles in pixels, not in percent."""
    x, y, width, height = place
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    ratio = size.height / size.width
    corners = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    return [[x + dx * cosine - dy * ratio * sine, y + dx / ratio * sine + dy * cosine] for dx, dy in corners]


# --- Writing -----------------------------------------------------------------------------------------------


def write(stream: IO[bytes], pictures: Iterable[Written], options: Options = PLAIN) -> None:
    """Write a list of tasks: truth as one annotation, predictions as one prediction. Says everything but frames."""
    stream.write(b"[")
    for order, (picture, regions) in enumerate(pictures):
        stream.write((b",\n" if order else b"\n") + dumped(_written(picture, list(regions), options)))
    stream.write(b"]\n")


def _written(picture: PictureRef, regions: list[Region], options: Options) -> dict[str, Any]:
    task: dict[str, Any] = {"data": {"image": picture.path}}
    if picture.id.isascii() and picture.id.isdigit():
        task = {"id": int(picture.id)} | task
    for key, is_prediction in MADE:
        kept = [region for region in in_order(regions) if _is_prediction(region, options) is is_prediction]
        if kept or not is_prediction:
            task[key] = [{"result": [_described(region, picture, options) for region in kept]}]
    return task | {name: value for name, value in sorted(picture.attributes.items()) if name not in task}


def _is_prediction(region: Region, options: Options) -> bool:
    return region.is_prediction and options.predictions == "keep"


def _described(region: Region, picture: PictureRef, options: Options) -> dict[str, Any]:
    said: dict[str, Any] = {"from_name": "label", "to_name": "image"}
    if picture.size:
        said |= {"original_width": picture.width, "original_height": picture.height, "image_rotation": 0}
    labels = [region.label] if region.label else []
    if region.kind == POLYGON:
        points = [[_percent(x), _percent(y)] for x, y in region.points]
        said |= {"type": OUTLINE, "value": {"points": points, "closed": True, OUTLINE: labels}}
    else:
        place = dict(zip(("x", "y", "width", "height"), map(_percent, (*region[:2], *region.size)), strict=True))
        said |= {"type": RECTANGLE, "value": place | {"rotation": 0, RECTANGLE: labels}}
    if _is_prediction(region, options) and region.score is not None:
        said["score"] = region.score
    return said | {name: value for name, value in sorted(region.attributes.items()) if name not in said}


def _percent(value: float) -> float:
    return round(100 * value, 7)
