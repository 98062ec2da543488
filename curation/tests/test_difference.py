"""What changed between two lists of regions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.formats import difference as module
from curation.formats.difference import Difference, difference, iou
from curation.formats.regions import Region, canonical, canonical_text
from curation.tests.labels import box

CORNERS = st.integers(0, 40).map(lambda n: n / 50)
SIZES = st.integers(1, 10).map(lambda n: n / 50)
REGIONS = st.builds(
    lambda label, x, y, size, frame: box(label, x=x, y=y, size=size, frame=frame),
    st.sampled_from(["smoke", "tree", "sky"]), CORNERS, CORNERS, SIZES, st.sampled_from([None, 0, 1]),
)  # fmt: skip
LISTS = st.lists(REGIONS, max_size=12)


def applied(before: list[Region], found: Difference) -> list[Region]:
    """`before` with the changes made to it."""
    left = list(before)
    for gone in [*found.removed, *(pair.before for pair in [*found.moved, *found.relabelled])]:
        left.remove(gone)
    return left + found.added + [pair.after for pair in [*found.moved, *found.relabelled]]


@given(LISTS, LISTS)
def test_a_difference_applied_to_one_side_gives_the_other(before: list[Region], after: list[Region]) -> None:
    found = difference(before, after)
    assert canonical(applied(before, found)) == canonical(after)
    assert found.unchanged == len(before) - len(found.removed) - len(found.moved) - len(found.relabelled)


@given(LISTS)
def test_a_list_does_not_differ_from_itself_in_another_order(regions: list[Region]) -> None:
    assert difference(regions, regions[::-1]) == Difference([], [], [], [], len(regions))


@given(LISTS, LISTS)
def test_pairs_are_of_one_thing(before: list[Region], after: list[Region]) -> None:
    found = difference(before, after)
    assert all(pair.before.label == pair.after.label for pair in found.moved)
    assert all(pair.before.label != pair.after.label for pair in found.relabelled)
    for pair in [*found.moved, *found.relabelled]:
        assert pair.iou == iou(pair.before, pair.after) >= module.SAME_THING
        assert canonical_text(pair.before) != canonical_text(pair.after)
        assert pair.before.frame == pair.after.frame


@given(REGIONS, REGIONS)
def test_overlap_is_symmetric_and_a_fraction(one: Region, other: Region) -> None:
    assert iou(one, other) == iou(other, one)
    assert 0 <= iou(one, other) <= 1
    assert iou(one, one) == 1


def test_a_box_that_moved_by_half_overlaps_by_a_third() -> None:
    [pair] = difference([box(x=0.2)], [box(x=0.3)]).moved
    assert pair.iou == pytest.approx(1 / 3)


def test_one_thing_under_another_name_is_relabelled() -> None:
    found = difference([box("smoke"), box("tree", x=0.7)], [box("wildfire"), box("tree", x=0.7)])
    assert [(pair.before.label, pair.after.label, pair.iou) for pair in found.relabelled] == [("smoke", "wildfire", 1)]
    assert found.unchanged == 1
    assert not found.added + found.removed


def test_what_lies_apart_was_removed_and_added() -> None:
    found = difference([box(x=0.1)], [box(x=0.31)])
    assert (len(found.added), len(found.removed), found.moved) == (1, 1, [])


def test_equal_regions_count_as_often_as_they_stand_there() -> None:
    found = difference([box(), box(), box()], [box()])
    assert (len(found.removed), found.unchanged) == (2, 1)


def test_too_many_differences_are_not_paired(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = [box(x=n / 10) for n in range(4)], [box(x=n / 10 + 0.05) for n in range(4)]
    monkeypatch.setattr(module, "PAIRS_MAX", 16)
    assert difference(before, after).is_paired
    monkeypatch.setattr(module, "PAIRS_MAX", 15)
    found = difference(before, after)
    assert (found.is_paired, len(found.added), len(found.removed), found.moved) == (False, 4, 4, [])
