"""Regions of every kind, for properties."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from curation.formats.carried import UNFIT
from curation.formats.regions import BOX, POLYGON, PictureRef, Region

WORDS = st.text(max_size=12).map(lambda text: UNFIT.sub("", text))
LABELS = WORDS.map(str.strip)
STEPS = 10**9  # coordinates are kept to 1e-9
LEAST = 10**6
patiently = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
VALUES = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.sampled_from([0.5, -1.25, 1e-7]) | WORDS
ATTRIBUTES = st.dictionaries(st.from_regex(r"my_[a-z]{1,6}", fullmatch=True), VALUES, max_size=2)


def spans() -> st.SearchStrategy[tuple[float, float]]:
    """Two different places from 0 to 1, the lower one first; a thousandth apart, so that formats of pixels see them."""
    lower = st.integers(0, STEPS - LEAST)
    pairs = lower.flatmap(lambda low: st.tuples(st.just(low), st.integers(low + LEAST, STEPS)))
    return pairs.map(lambda pair: (round(pair[0] / STEPS, 9), round(pair[1] / STEPS, 9)))


@st.composite
def regions(draw: st.DrawFn, /, *, kinds: tuple[str, ...] = (BOX, POLYGON), **fixed: Any) -> Region:
    (x1, x2), (y1, y2) = draw(spans()), draw(spans())
    kind = draw(st.sampled_from(kinds))
    prediction = draw(st.booleans())
    scores = st.none() | st.integers(0, STEPS).map(lambda value: round(value / STEPS, 9))
    region = Region(
        x1,
        y1,
        x2,
        y2,
        label=draw(LABELS),
        class_id=draw(st.none() | st.integers(0, 99_999)),
        score=draw(scores) if prediction else None,
        kind=kind,
        points=((x1, y1), (x2, y1), (round((x1 + x2) / 2, 9), y2)) if kind == POLYGON else (),
        object_id=draw(st.sampled_from(["", "3121", "a b"])),
        frame=draw(st.none() | st.integers(0, 10**6)),
        is_prediction=prediction,
        attributes=draw(ATTRIBUTES),
        where=draw(st.sampled_from(["", "line 1"])),
    )
    return region._replace(**fixed)


REFS = st.sampled_from(
    [
        PictureRef("images/a.jpg", id="1", width=1280, height=720),
        PictureRef('b, "quoted" é.png', id="22", width=640, height=480, sha256="ab" * 32),
    ]
)
