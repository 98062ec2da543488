"""What changed between two lists of regions of one picture. Pure, and the same whatever order the regions came in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from curation.formats.regions import Region, canonical_text, in_order

SAME_THING: Final = 0.1  # least intersection over union of two regions that are taken for one thing
FAR_APART: Final = 0.0
PAIRS_MAX: Final = 50_000  # that are compared; where more would have to be, nothing is paired


class Changed(NamedTuple):
    """One thing before and after."""

    before: Region
    after: Region
    iou: float  # intersection over union of both boxes, 0..1


class Difference(NamedTuple):
    """Each region of either side stands in one list alone; what moved under another label stands in `relabelled`."""

    added: list[Region]
    removed: list[Region]
    moved: list[Changed]  # other corners, points or attributes under the same label
    relabelled: list[Changed]
    unchanged: int
    is_paired: bool = True  # False: too many differ, and all of them are `added` and `removed`


def iou(one: Region, other: Region) -> float:
    """Intersection over union of the boxes, 0..1; 0 in different frames of a video."""
    if one.frame != other.frame:
        return FAR_APART
    width = min(one.x2, other.x2) - max(one.x1, other.x1)
    height = min(one.y2, other.y2) - max(one.y1, other.y1)
    if width <= 0 or height <= 0:
        return FAR_APART
    shared = width * height
    return min(shared / (_area(one) + _area(other) - shared), 1.0)


def _area(region: Region) -> float:
    return (region.x2 - region.x1) * (region.y2 - region.y1)


def difference(before: Sequence[Region], after: Sequence[Region]) -> Difference:
    """Pair equal regions first, then those that overlap most: of one label before those of different ones."""
    old, new = in_order(before), in_order(after)
    unchanged = _take_equal(old, new)
    if len(old) * len(new) > PAIRS_MAX:
        return Difference(new, old, [], [], unchanged, is_paired=False)
    moved = _pair(old, new, same_label=True)
    relabelled = _pair(old, new, same_label=False)
    return Difference(added=new, removed=old, moved=moved, relabelled=relabelled, unchanged=unchanged)


def _take_equal(old: list[Region], new: list[Region]) -> int:
    """Remove from both what stands in both, each as often as it does; return how many."""
    common = Counter(map(canonical_text, old)) & Counter(map(canonical_text, new))
    for side in (old, new):
        side[:] = _without(side, common.copy())
    return common.total()


def _without(regions: list[Region], left: Counter[str]) -> list[Region]:
    kept = []
    for region in regions:
        text = canonical_text(region)
        left[text] -= 1
        if left[text] < 0:
            kept.append(region)
    return kept


def _pair(old: list[Region], new: list[Region], *, same_label: bool) -> list[Changed]:
    """Remove from both what is one thing in both, the best overlap first; ties in the order of the lists."""
    close = [
        (overlap, place, other)
        for place, one in enumerate(old)
        for other, two in enumerate(new)
        if (one.label == two.label) == same_label and (overlap := iou(one, two)) >= SAME_THING
    ]
    close.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    gone_old: set[int] = set()
    gone_new: set[int] = set()
    found = []
    for overlap, place, other in close:
        if place not in gone_old and other not in gone_new:
            gone_old.add(place)
            gone_new.add(other)
            found.append(Changed(old[place], new[other], overlap))
    old[:] = [region for place, region in enumerate(old) if place not in gone_old]
    new[:] = [region for place, region in enumerate(new) if place not in gone_new]
    return found
