"""Difference hashes, against an example worked out by hand and against what must not matter."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from curation.imaging.dhash import dhash
from curation.tests.imaging_files import noise, samples

greys = st.binary(min_size=12, max_size=12)


def grid(rows: list[list[int]]) -> Image.Image:
    return Image.frombytes("L", (len(rows[0]), len(rows)), bytes(itertools.chain(*rows)))


def test_an_example_worked_out_by_hand() -> None:
    # 4 x 3 pixels are compared as they are: no scaling comes between.
    rows = [
        [9, 5, 5, 7],  # 9 > 5, 5 = 5, 5 < 7: 100
        [0, 1, 2, 3],  # ever brighter: 000
        [8, 6, 4, 2],  # ever darker: 111
    ]
    assert dhash(grid(rows), 3) == 0b100_000_111


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (17, 16), (640, 480)])
def test_a_flat_picture_has_no_bit_set(mode: str, size: tuple[int, int]) -> None:
    assert dhash(Image.new(mode, size, 1), 8) == dhash(Image.new(mode, size, 1), 16) == 0


@given(greys, st.integers(0, 100), st.sampled_from([1, 2]))
def test_brightness_and_contrast_do_not_matter(values: bytes, brighter: int, contrast: int) -> None:
    dark = bytes(value % 78 for value in values)
    assert dhash(Image.frombytes("L", (4, 3), dark), 3) == dhash(
        Image.frombytes("L", (4, 3), bytes(value * contrast + brighter for value in dark)), 3
    )


@given(greys)
def test_turning_a_picture_into_its_negative_turns_every_bit_that_no_tie_decided(values: bytes) -> None:
    image = Image.frombytes("L", (4, 3), values)
    ties = sum(values[row * 4 + place] == values[row * 4 + place + 1] for row in range(3) for place in range(3))
    assert (dhash(image, 3) ^ dhash(ImageOps.invert(image), 3)).bit_count() == 9 - ties


@settings(max_examples=20)
@given(st.integers(8, 300), st.integers(8, 300))
def test_it_has_as_many_bits_as_asked_for(width: int, height: int) -> None:
    image = noise(width, height)
    assert 0 <= dhash(image, 8) < 1 << 64
    assert 0 <= dhash(image, 16) < 1 << 256


def test_the_same_picture_in_half_the_size_is_near_and_another_is_far() -> None:
    image = Image.linear_gradient("L").rotate(33).resize((640, 480))
    half, other = image.resize((320, 240)), ImageOps.mirror(image)
    assert (dhash(image, 16) ^ dhash(half, 16)).bit_count() <= 10
    assert (dhash(image, 16) ^ dhash(other, 16)).bit_count() > 60


def test_the_known_near_duplicates_of_the_samples_are_found_and_no_others() -> None:
    (known_file,) = samples("A_roboflow_fire_v8_yolo", "KNOWN_NEAR_DUPLICATES.json")
    known = {(pair["a"], pair["b"]): pair["dhash256_distance"] for pair in json.loads(known_file.read_text())["pairs"]}
    hashes = {}
    for path in samples("A_roboflow_fire_v8_yolo", "*.jpg"):
        with Image.open(path) as image:
            hashes[str(path.relative_to(known_file.parent))] = dhash(image, 16)
    distances = {(a, b): (hashes[a] ^ hashes[b]).bit_count() for a, b in itertools.combinations(sorted(hashes), 2)}
    assert {pair: distance for pair, distance in distances.items() if distance <= 10} == known
    assert len(known) == 62
