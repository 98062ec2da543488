"""The common value, and the one form of it that counts."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.formats.carried import carried, fit
from curation.formats.refusals import TooComplex
from curation.formats.regions import Parsed, PictureRef, Region, as_json, canonical, digest, from_json
from curation.tests.formats.strategies import patiently, regions

SMOKE = Region(0.1, 0.2, 0.3, 0.4, "smoke", 0)


def test_the_canonical_form_of_one_box_is_this_to_the_byte() -> None:
    region = SMOKE._replace(score=0.5, is_prediction=True, attributes={"b": [1, "é"], "a": None}, where="line 3")
    assert canonical([region]).decode() == (
        '[{"attributes":{"a":null,"b":[1,"é"]},"class_id":0,"is_prediction":true,"kind":"box","label":"smoke",'
        '"score":0.5,"x1":0.1,"x2":0.3,"y1":0.2,"y2":0.4}]'
    )
    assert digest([region]) == hashlib.sha256(canonical([region])).hexdigest()


def test_no_regions_have_a_digest_too() -> None:
    assert canonical([]) == b"[]"
    assert digest([]) == "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"


@patiently
@given(st.lists(regions(), max_size=8), st.randoms(use_true_random=False))
def test_the_same_regions_are_the_same_bytes_in_whatever_order(some: list[Region], chance: random.Random) -> None:
    shuffled = list(some)
    chance.shuffle(shuffled)
    assert canonical(shuffled) == canonical(some)
    assert digest(shuffled) == digest(some)


@patiently
@given(st.lists(regions(), max_size=8))
def test_what_comes_back_from_a_json_store_has_the_same_digest(some: list[Region]) -> None:
    back = [from_json(said) for said in json.loads(canonical(some))]
    assert digest(back) == digest(some)
    assert sorted(back, key=str) == sorted((region._replace(where="") for region in some), key=str)


@patiently
@given(regions(), regions())
def test_different_regions_have_different_bytes(one: Region, other: Region) -> None:
    assert (canonical([one]) == canonical([other])) is (one._replace(where="") == other._replace(where=""))


def test_where_a_region_came_from_is_not_what_it_says() -> None:
    assert digest([SMOKE]) == digest([SMOKE._replace(where="line 9")])
    assert digest([SMOKE]) != digest([SMOKE._replace(score=0.0)])


def test_minus_zero_is_zero() -> None:
    said = as_json(SMOKE) | {"x1": -0.0}
    assert canonical([from_json(said)]) == canonical([SMOKE._replace(x1=0.0)])


@pytest.mark.parametrize(
    "wrong",
    [
        {"x1": 0.3}, {"x1": -0.1}, {"x2": 1.1}, {"y1": float("nan")}, {"x1": "left"}, {"kind": "circle"},
        {"kind": "polygon"}, {"points": [[0, 0], [1, 1], [0, 1]]}, {"class_id": -1}, {"class_id": True}, {"frame": 1.5},
        {"label": 3}, {"is_prediction": "yes"}, {"attributes": []}, {"score": 1.5},
        {"kind": "polygon", "points": [[0, 0], [1, 2], [1, 1]]},
    ],
)  # fmt: skip
def test_what_no_region_can_have_said_is_refused(wrong: dict[str, Any]) -> None:
    assert from_json(as_json(SMOKE)) == SMOKE
    with pytest.raises((ValueError, TypeError)):
        from_json(as_json(SMOKE) | wrong)


def test_one_prediction_makes_it_a_file_of_predictions() -> None:
    seen = SMOKE._replace(is_prediction=True)
    assert Parsed(PictureRef(), (SMOKE, seen)).is_prediction
    assert not Parsed(PictureRef(), (SMOKE,)).is_prediction


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b.jpg", "b.jpg"), ("C:\\pictures\\b.jpg", "b.jpg"), ("https://x.org/a/b.jpg?sig=1/2#top", "b.jpg"),
        ("../../etc/passwd", "passwd"), ("/data/local-files/?d=a/b.jpg", "b.jpg"), ("what?.jpg", "what?.jpg"), ("", ""),
    ],
)  # fmt: skip
def test_a_picture_is_called_by_the_last_part_of_its_path(path: str, name: str) -> None:
    assert PictureRef(path).name == name


def test_unfit_text_is_replaced_and_whole_floats_become_integers() -> None:
    fields = {"a\0b": "x\ud800\u202ey", "n": 3.0, "huge": 1e300, "nan": float("nan"), "deep": [{"k": 0.5}]}
    fit_ = carried(fields, (), depth=64, most=2048)
    assert fit_ == {"a\ufffdb": "x\ufffd\ufffdy", "n": 3, "huge": int(1e300), "nan": None, "deep": [{"k": 0.5}]}


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_fields_are_carried_down_to_the_limit_of_depth() -> None:
    assert fit(nested(63), 64) == nested(63)
    with pytest.raises(TooComplex):
        fit(nested(64), 64)


def test_fields_are_carried_up_to_the_limit_of_bytes() -> None:
    assert carried({"a": "x" * 91}, (), depth=64, most=100) == {"a": "x" * 91}
    assert carried({"a": "x" * 92}, (), depth=64, most=100) is None
