"""What is written is read again: within 1e-6 of the picture, and nothing that the format has a word for is lost."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.formats.regions import BOX, POLYGON, PictureRef, Region, digest, in_order
from curation.formats.table import FORMATS
from curation.formats.writing import Options
from curation.tests.formats.files import FRAME, near, pictures, read, write
from curation.tests.formats.strategies import REFS, patiently, regions

Points = tuple[tuple[float, float], ...]
TRUTH = {"is_prediction": False, "score": None}


def smoke(region: Region) -> Region:
    return region._replace(label="smoke:wildfire", object_id="1", frame=None, attributes={})


def scored(region: Region) -> Region:
    return region._replace(score=0.5) if region.is_prediction else region


# What each format has no words for, and so cannot be asked of it.
SAYABLE: dict[str, Callable[[Region], Region]] = {
    "yolo": lambda region: scored(region)._replace(label="", class_id=3, object_id="", frame=None, attributes={}),
    "coco": lambda region: region._replace(label=region.label or "x", class_id=None, frame=None),
    "voc": lambda region: scored(region)._replace(class_id=None, frame=None, attributes={}),
    "labelstudio": lambda region: region._replace(class_id=None, object_id="", frame=None),
    "pyronear_sequence": lambda region: smoke(region)._replace(**TRUTH, class_id=None),  # type: ignore[arg-type]
    "pyronear_predictions": lambda region: region._replace(is_prediction=True, class_id=None, object_id="", frame=None),
    "pyronear_manifest": lambda region: smoke(region)._replace(class_id=None, score=None),
    "csv": lambda region: region,
}
FORGOTTEN = {"coco": "class_id", "pyronear_sequence": "object_id"}  # what comes back otherwise numbered
WITH_POLYGONS = {"coco", "labelstudio", "csv"}
KEPT = ("label", "class_id", "kind", "score", "object_id", "frame", "is_prediction", "attributes")


def said_of(region: Region, name: str) -> dict[str, object]:
    """Everything but the place, which is compared with a tolerance, and `origin`, which a manifest adds."""
    said = {key: getattr(region, key) for key in KEPT if key != FORGOTTEN.get(name)}
    if name == "pyronear_manifest":
        said["attributes"] = {key: value for key, value in region.attributes.items() if key != "origin"}
    return said


def is_again(region: Region, other: Region, name: str) -> bool:
    if not near(region, other) or said_of(region, name) != said_of(other, name):
        return False
    return same_places(region.points, other.points)


def same_places(some: Points, others: Points) -> bool:
    """Whether points follow each other at the same places."""
    if len(some) != len(others):
        return False
    return all(abs(x - v) <= 1e-6 and abs(y - w) <= 1e-6 for (x, y), (v, w) in zip(some, others, strict=True))


def test_every_format_is_tried() -> None:
    assert SAYABLE.keys() == FORMATS.keys()


@pytest.mark.parametrize("name", FORMATS)
@patiently
@given(data=st.data())
def test_what_is_written_is_read_again(name: str, data: st.DataObject) -> None:
    kinds = (BOX, POLYGON) if name in WITH_POLYGONS else (BOX,)
    before = [SAYABLE[name](region) for region in data.draw(st.lists(regions(kinds=kinds), min_size=1, max_size=5))]
    ref = data.draw(REFS)
    (parsed,) = pictures(read(name, write(name, [(ref, before)])))
    assert parsed.problems == ()
    unmatched = list(parsed.regions)
    for region in before:
        match = next(other for other in unmatched if is_again(region, other, name))
        unmatched.remove(match)
    assert unmatched == []


@pytest.mark.parametrize("name", FORMATS)
@patiently
@given(data=st.data(), chance=st.randoms(use_true_random=False))
def test_the_same_regions_are_the_same_bytes_in_whatever_order(
    name: str, data: st.DataObject, chance: random.Random
) -> None:
    some = [SAYABLE[name](region) for region in data.draw(st.lists(regions(kinds=(BOX,)), max_size=5))]
    shuffled = list(some)
    chance.shuffle(shuffled)
    assert write(name, [(FRAME, some)]) == write(name, [(FRAME, shuffled)])


@pytest.mark.parametrize("name", ["coco", "labelstudio", "csv", "pyronear_manifest"])
def test_many_pictures_keep_what_is_theirs(name: str) -> None:
    one = Region(0.1, 0.2, 0.3, 0.4, "smoke", object_id="1")
    refs = [PictureRef(f"a/{id_}.jpg", id=str(id_), width=1280, height=720) for id_ in (5, 3, 9)]
    before = [(ref, [one._replace(x2=0.5 + at / 10)] * at) for at, ref in enumerate(refs)]
    after = pictures(read(name, write(name, before)))
    assert [(parsed.picture.path, parsed.picture.id) for parsed in after] == [(ref.path, ref.id) for ref in refs]
    assert [[region.x2 for region in parsed.regions] for parsed in after] == [[], [0.6], [0.7, 0.7]]


@patiently
@given(st.lists(regions(), max_size=5), REFS)
def test_our_csv_says_everything(some: list[Region], ref: PictureRef) -> None:
    (parsed,) = pictures(read("csv", write("csv", [(ref, some)])))
    assert digest(parsed.regions) == digest(some)
    assert parsed.picture == ref


@pytest.mark.parametrize("name", FORMATS)
def test_predictions_come_back_as_predictions_or_are_refused(name: str) -> None:
    seen = SAYABLE[name](Region(0.1, 0.2, 0.3, 0.4, "smoke", 3, 0.5, is_prediction=True, object_id="1"))
    if seen.is_prediction:
        (parsed,) = pictures(read(name, write(name, [(FRAME, [seen])], Options())))
        assert in_order(parsed.regions)[0].is_prediction
    else:
        assert name == "pyronear_sequence"
