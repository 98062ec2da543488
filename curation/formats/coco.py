"""COCO: one JSON for many pictures, boxes in pixels from the top left corner.

Source: https://cocodataset.org/#format-data. `images`, `annotations` (`bbox` = x, y, width, height, `category_id`),
`categories`, in any order; ids are numbers or text, need not be contiguous nor begin at 0. A bare list of results
(`image_id`, `category_id`, `bbox`, `score`) is read too; whatever has a `score` is a prediction. A `segmentation` of
one ring is a polygon, unless it is only the box again; of masks and several rings the box alone is read, and told.
`track_id` is the object. Written anew: the numbers of annotations, and of images when they are not whole numbers.
`info`, `licenses`, and what categories say besides their names is not kept.
"""

from __future__ import annotations

import shutil
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, Final

import orjson

from curation.formats.collecting import Collecting, Labels, Problems, Said, number, text, whole
from curation.formats.groups import Groups
from curation.formats.head import Head
from curation.formats.jsonstream import Element, elements
from curation.formats.limits import LIMITS, Limits
from curation.formats.refusals import NotOfFormat, TooComplex
from curation.formats.regions import POLYGON, Classes, Item, PictureRef, PictureSize, Problem, Region, in_order
from curation.formats.writing import PLAIN, Options, Written, dumped, numbers_of, size_of
from curation.formats.yolo import CLASS

IMAGE: Final = frozenset({"id", "file_name", "width", "height", "sha256"})
ANNOTATION: Final = frozenset({"id", "image_id", "category_id", "bbox", "area", "score", "segmentation", "track_id"})
ALONE: Final = ANNOTATION | {"iscrowd"}  # of one thing, as nearly all are
LISTS: Final = ("images", "annotations", "categories")
IN_MEMORY: Final = 1024 * 1024  # bytes of annotations that are being written; more goes to disk
PIXEL: Final = 1.0  # a ring that is nowhere further than this from the box says no more than the box
NO_OBJECT: Final = "It is not an object, and is left out."


def read(
    stream: IO[bytes],
    *,
    picture: PictureSize | None = None,
    names: Mapping[int, str] | None = None,
    limits: Limits = LIMITS,
) -> Iterator[Item]:
    """Yield the classes, then each picture, in the file's order of images, then what belongs to none.

    picture: used for images that do not tell their size. Raises NotOfFormat, TooComplex.
    """
    with _File(picture, names, limits) as file:
        for element in elements(stream, limits):
            file.take(element)
        yield from file.found()


def looks_like(head: Head) -> bool:
    """By an image or an annotation, or, when both are empty, by their lists."""
    result = head.first("") or head.first("annotations")
    return {"image_id", "bbox"} <= result.keys() or "file_name" in head.first("images") or {*LISTS[:2]} <= head.lists


class _File:
    """All of a file: its images and annotations on disk, its categories and ids in memory."""

    def __init__(self, picture: PictureSize | None, names: Mapping[int, str] | None, limits: Limits) -> None:
        self._picture, self._limits = picture, limits
        self._images, self._annotations = Groups(), Groups()
        self._owners: dict[str, int] = {}  # an owner for each image id, listed or only mentioned
        self._listed = array("I")
        self._names: dict[int, str] = dict(names or {})
        self._labels, self._problems = Labels(limits), Problems(limits)
        self._counts = {"": 0, **dict.fromkeys(LISTS, 0)}
        self._is_coco = False

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *error: object) -> None:
        self._images.__exit__(None, None, None)
        self._annotations.__exit__(None, None, None)

    # --- Taking in -----------------------------------------------------------------------------------------

    def take(self, element: Element) -> None:
        if element.key not in self._counts:
            return
        if element.at is None:
            self._is_coco |= element.value == [] and element.key in ("", *LISTS[:2])
        elif not isinstance(element.value, dict):
            self._problems.add(element.where, NO_OBJECT)
        elif element.key == "images":
            self._image(element)
        elif element.key == "categories":
            self._category(element)
        else:
            self._annotation(element)

    def _owner(self, element: Element, name: str) -> int | None:
        given = element.value.get(name)
        key = str(given) if type(given) is int else text(given)
        if not 0 < len(key) <= self._limits.label:
            self._problems.add(element.where, f"Its {name} is neither a number nor a short text; it is left out.")
            return None
        owner = self._owners.setdefault(key, len(self._owners))
        if owner >= self._limits.pictures:
            raise TooComplex(f"The file is about more than {self._limits.pictures:,} pictures.")
        return owner

    def _image(self, element: Element) -> None:
        owner = self._owner(element, "id")
        if owner is not None:
            self._listed.append(owner)
            self._images.put(owner, _packed(element))

    def _category(self, element: Element) -> None:
        category, name = whole(element.value.get("id")), self._labels.fit(element.value.get("name"))
        if category is None or not name:
            self._problems.add(element.where, "The category has no whole number or no name, and is left out.")
        else:
            self._names.setdefault(category, name)

    def _annotation(self, element: Element) -> None:
        owner = self._owner(element, "image_id")
        if owner is not None:
            self._annotations.put(owner, _packed(element))

    # --- Giving out ----------------------------------------------------------------------------------------

    def found(self) -> Iterator[Item]:
        if not self._is_coco:
            raise NotOfFormat("The file is not COCO: it has neither images nor annotations.")
        for groups in (self._images, self._annotations):
            groups.arrange(len(self._owners))
        yield Classes(self._names)
        yield from self._problems.told + self._problems.rest()
        ids = list(self._owners)
        seen = bytearray(len(ids))
        for owner in self._listed:
            if not seen[owner]:
                seen[owner] = 1
                yield self._of(owner, ids[owner])
        for owner in range(len(ids)):
            if not seen[owner]:
                yield from self._of_unlisted(owner, ids[owner])

    def _of(self, owner: int, id_: str) -> Item:
        found = Collecting(self._limits, PictureRef(id=id_), labels=self._labels, names=self._names)
        for order, record in enumerate(self._images.of(owner)):
            if order:
                found.problem(f"image {id_}", "Another image has the same id; it is left out.")
            else:
                found.picture = self._ref(found, id_, orjson.loads(record)[1])
        size = found.picture.size or self._picture
        for position, value in map(orjson.loads, self._annotations.of(owner)):
            _annotate(found, f"annotations[{position}]", value, size)
        return found.parsed()

    def _of_unlisted(self, owner: int, id_: str) -> Iterator[Item]:
        if self._listed and self._annotations.count(owner):
            count = self._annotations.count(owner)
            yield Problem(f"image {id_}", f"The file does not list this image; its {count} annotations are left out.")
        elif not self._listed:
            yield self._of(owner, id_)

    def _ref(self, found: Collecting, id_: str, image: dict[str, Any]) -> PictureRef:
        return PictureRef(
            path=text(image.get("file_name"))[:1000],
            id=id_,
            sha256=text(image.get("sha256")).lower()[:64],
            width=whole(image.get("width")) or (self._picture.width if self._picture else None),
            height=whole(image.get("height")) or (self._picture.height if self._picture else None),
            attributes=found.fields(f"image {id_}", image, IMAGE),
        )


def _packed(element: Element) -> bytes:
    """Position and value; numbers too large for that become text, which then is told as not a number."""
    try:
        return orjson.dumps((element.at, element.value))
    except TypeError:
        return orjson.dumps((element.at, _plain(element.value)))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {text(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if type(value) is int:
        return value if abs(value) < 1 << 63 else ""
    return text(value) if isinstance(value, str) else value


def _annotate(found: Collecting, where: str, value: dict[str, Any], size: PictureSize | None) -> None:
    if size is None:
        return found.problem(where, "The size of the picture is unknown, so its pixels mean nothing; left out.")
    said = Said(
        class_id=value.get("category_id"),
        score=value.get("score"),
        object_id=value.get("track_id"),
        is_prediction="score" in value,
        fields=value,
        known=ANNOTATION if value.get("iscrowd") else ALONE,
    )
    rings = value.get("segmentation")
    ring = _ring(rings[0]) if isinstance(rings, list) and len(rings) == 1 else None
    if rings and ring is None:
        found.problem(where, "A mask, or several outlines: only the box around them is read.")
    corners = _corners(value.get("bbox"))
    if ring and (corners is None or not _same(ring, corners)):
        return found.polygon(where, ring, said, of=size)
    if corners is None:
        return found.problem(where, "The bbox is not 4 numbers; the annotation is left out.")
    return found.box(where, corners, said, of=size)


def _corners(bbox: Any) -> tuple[Any, Any, Any, Any] | None:
    """What these are is found out where boxes are added."""
    if not isinstance(bbox, list) or len(bbox) != 4:
        return None
    x, y, w, h = bbox
    try:
        return x, y, x + w, y + h
    except TypeError:
        return None


def _ring(flat: Any) -> list[list[Any]] | None:
    """Pairs of a flat list x, y, x, y, ..."""
    if not isinstance(flat, list) or len(flat) < 6 or len(flat) % 2:
        return None
    return [flat[at : at + 2] for at in range(0, len(flat), 2)]


def _same(ring: list[list[Any]], corners: tuple[Any, Any, Any, Any]) -> bool:
    """Whether every point of a ring of four is a corner of the box."""
    x1, y1, x2, y2 = map(number, corners)
    if len(ring) not in (4, 5) or x1 is None or y1 is None or x2 is None or y2 is None:
        return False
    for x, y in ((number(x), number(y)) for x, y in ring):
        if x is None or y is None or min(abs(x - x1), abs(x - x2)) > PIXEL or min(abs(y - y1), abs(y - y2)) > PIXEL:
            return False
    return True


# --- Writing -----------------------------------------------------------------------------------------------


def write(stream: IO[bytes], pictures: Iterable[Written], options: Options = PLAIN) -> None:
    """Write all pictures, which need a size. Categories keep their numbers where the regions carry them.

    Raises CannotSay for a picture without a size, and for a prediction without a score.
    """
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as annotations:
        book = _Book(options)
        stream.write(b'{"images": [')
        for order, (picture, regions) in enumerate(pictures):
            id_ = book.image(picture)
            stream.write((b",\n" if order else b"\n") + dumped(_image(picture, id_)))
            for region in in_order(regions):
                annotations.write(b",\n" if book.annotations else b"\n")
                annotations.write(dumped(book.annotation(region, id_, size_of(picture, "COCO"), options)))
        annotations.seek(0)
        stream.write(b'],\n"annotations": [')
        shutil.copyfileobj(annotations, stream)
        stream.write(b'],\n"categories": ' + dumped(book.categories()) + b"}\n")


def _image(picture: PictureRef, id_: int) -> dict[str, Any]:
    size = size_of(picture, "COCO")
    said = {"id": id_, "file_name": picture.path, "width": size.width, "height": size.height}
    return said | ({"sha256": picture.sha256} if picture.sha256 else {}) | _others(picture.attributes, said)


def _others(attributes: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in sorted(attributes.items()) if name not in said}


class _Book:
    """Numbers that were given."""

    def __init__(self, options: Options) -> None:
        self._categories = numbers_of(options.names)
        self._taken = set(self._categories.values())
        self._images: set[int] = set()
        self._next = 1
        self.annotations = 0

    def image(self, picture: PictureRef) -> int:
        own = int(picture.id) if CLASS.fullmatch(picture.id) else None
        if own is not None and own not in self._images:
            self._images.add(own)
            return own
        while self._next in self._images:
            self._next += 1
        self._images.add(self._next)
        return self._next

    def category(self, region: Region) -> int:
        label = region.label or (f"class {region.class_id}" if region.class_id is not None else "unnamed")
        if label not in self._categories:
            free = region.class_id if region.class_id is not None and region.class_id not in self._taken else None
            id_ = free if free is not None else max(self._taken, default=0) + 1
            self._categories[label] = id_
            self._taken.add(id_)
        return self._categories[label]

    def categories(self) -> list[dict[str, Any]]:
        return [{"id": id_, "name": label} for label, id_ in sorted(self._categories.items(), key=lambda pair: pair[1])]

    def annotation(self, region: Region, image: int, size: PictureSize, options: Options) -> dict[str, Any]:
        self.annotations += 1
        box, area = _box(region, size)
        said: dict[str, Any] = {"id": self.annotations, "image_id": image, "category_id": self.category(region)}
        said |= {"bbox": box, "area": area, "iscrowd": 0, "segmentation": _segmentation(region, size)}
        if region.is_prediction and options.predictions == "keep":
            said["score"] = region.score
        if region.object_id:
            said["track_id"] = region.object_id
        extra = {name: value for name, value in region.attributes.items() if name == "iscrowd"}
        return said | extra | _others(region.attributes, said)


def _box(region: Region, size: PictureSize) -> tuple[list[float], float]:
    width, height = (region.x2 - region.x1) * size.width, (region.y2 - region.y1) * size.height
    box = [region.x1 * size.width, region.y1 * size.height, width, height]
    return [round(value, 4) for value in box], round(width * height, 2)


def _segmentation(region: Region, size: PictureSize) -> list[list[float]]:
    if region.kind != POLYGON:
        return []
    return [[round(value, 4) for x, y in region.points for value in (x * size.width, y * size.height)]]
