"""Samples: the same media again, from any database, within their quotas."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.refusals import Invalid
from accounts.tests.cast import Cast
from curation.actions import cameras, sampling
from curation.actions.sampling import Best, Drawn, draw, lot, sampling_of
from curation.actions.searching import understood
from curation.models import Media, View
from curation.tests.deeds import NOBODY
from curation.tests.labels import ship_labels
from curation.tests.places import NOON, resolved, taken
from curation.tests.search.helpers import layer, pictured, seen

pytestmark = pytest.mark.django_db
FALSE = {"label_kind": "false_positive"}


def drawn(said: dict[str, str], access: Any = None, **sample: Any) -> Drawn:
    return draw(understood(said), sampling_of({"order": "random", "count": 500} | sample), access=access)


def hills(views: int, each: int) -> list[Media]:
    """Media with ids that do not depend on the database, in several views, with false alarms of known scores."""
    ship_labels()
    of_views = resolved(*(taken(0, azimuth=number) for number in range(views)))
    rows = []
    for number in range(views * each):
        view = of_views[number % views]
        columns = {"view": view.view, "taken_by": view.taken_by}
        at = NOON + timedelta(hours=5 * number)
        rows.append(pictured(number, pk=1000 + number, captured_at=at, captured_basis="client", **columns))
        seen(rows[-1], "antenna", (number * 37 % 101) / 100)
    return rows


def test_hard_false_alarms_at_most_three_of_a_view_are_the_same_on_every_database() -> None:
    """False positives, score descending, at most 3 of a view, seed 0: written down once, for SQLite and PostgreSQL."""
    hills(4, 10)
    found = drawn(FALSE, order="score_desc", count=9, per="view", at_most=3)
    assert found.ids == [1030, 1019, 1008, 1038, 1027, 1016, 1005, 1035, 1024]
    assert drawn(FALSE, order="score_desc", count=9, per="view", at_most=3, seed=0).ids == found.ids


def test_a_random_sample_is_the_same_on_every_database() -> None:
    hills(4, 10)
    assert drawn(FALSE, count=6).ids == [1023, 1020, 1029, 1033, 1001, 1016]
    assert drawn(FALSE, count=6, seed=1).ids == [1032, 1020, 1023, 1000, 1031, 1003]


def test_a_lot_is_the_beginning_of_a_digest() -> None:
    assert lot(0, 7) == 3165907373608942819


def test_ties_of_scores_are_broken_by_lot() -> None:
    ship_labels()
    rows = [pictured(number, pk=2000 + number) for number in range(20)]
    for media in rows:
        seen(media, "antenna", 0.5)
    of_seeds = {seed: drawn(FALSE, order="score_desc", count=5, seed=seed).ids for seed in (0, 1)}
    assert of_seeds[0] != of_seeds[1]
    assert of_seeds[0] == sorted((row.pk for row in rows), key=lambda pk: lot(0, pk))[:5]


def test_the_best_score_of_a_media_counts_and_no_score_is_never_zero() -> None:
    ship_labels()
    rows = {name: pictured(number) for number, name in enumerate(("low", "both", "unscored", "zero", "part"))}
    scores: dict[str, list[float | None]] = {
        "low": [0.1],
        "both": [0.2, 0.9],
        "unscored": [None, None],
        "zero": [0.0],
        "part": [None, 0.3],
    }
    for name, of_it in scores.items():
        for score in of_it:
            seen(rows[name], "antenna", score)
    seen(rows["low"], "smoke", 1.0)  # of another kind: does not make it harder
    found = drawn(FALSE, order="score_desc")
    assert found.ids == [rows[name].pk for name in ("both", "part", "low", "zero")]
    assert found.report == {"drawn": 4, "fitting": 5, "unscored": 1, "undated": 0, "beyond_count_or_quota": 0}
    assert drawn(FALSE, order="score_asc").ids == [rows[name].pk for name in ("zero", "low", "both", "part")]


def test_a_range_of_scores_counts_those_that_have_none() -> None:
    ship_labels()
    high, low, unscored = (pictured(number) for number in range(3))
    for media, score in ((high, 0.9), (low, 0.1), (unscored, None)):
        seen(media, "antenna", score)
    for order in ("random", "score_desc"):
        found = drawn(FALSE | {"score_from": "0.5"}, order=order)
        assert found.ids == [high.pk]
        assert (found.fitting, found.unscored) == (2, 1)


def test_the_order_of_capture_leaves_out_and_counts_what_has_no_time() -> None:
    rows = [taken(minute) for minute in (3, 1, 2)]
    taken(None)
    found = drawn({}, order="captured", count=2)
    assert found.ids == [rows[1].pk, rows[2].pk]
    assert found.report == {"drawn": 2, "fitting": 4, "unscored": 0, "undated": 1, "beyond_count_or_quota": 1}


def test_quotas_hold_for_days_cameras_and_sequences() -> None:
    rows = [taken(60 * 13 * number, camera=f"mast {number % 3}", sequence=f"fire {number % 4}") for number in range(12)]
    resolved(*rows)
    groups: dict[str, Any] = {
        "day": lambda media: media.captured_at.date(),
        "camera": lambda media: media.camera,
        "sequence": lambda media: media.sequence,
    }
    for per, group in groups.items():
        chosen = Media.objects.filter(pk__in=drawn({}, per=per, at_most=1).ids)
        every = Counter(map(group, Media.objects.all()))
        assert Counter(map(group, chosen)) == dict.fromkeys(every, 1)


def test_merged_views_and_sequences_share_one_quota() -> None:
    one, other = resolved(taken(0, sequence="a"), taken(1, azimuth=127, sequence="b"))
    assert one.view is not None
    assert other.view is not None
    assert len(drawn({}, per="view", at_most=1).ids) == 2
    cameras.merge_views(View.objects.get(pk=other.view.pk), View.objects.get(pk=one.view.pk), by=NOBODY)
    assert len(drawn({}, per="view", at_most=1).ids) == 1
    assert len(drawn({}, per="sequence", at_most=1).ids) == 2
    cameras.merge_sequences(one.item.sequence, other.item.sequence, by=NOBODY)
    assert len(drawn({}, per="sequence", at_most=1).ids) == 1


def test_those_without_a_view_share_one_quota() -> None:
    for number in range(4):
        taken(number, camera="")
    assert len(drawn({}, per="view", at_most=3).ids) == 3


def test_only_what_the_access_sees_is_drawn(cast: Cast) -> None:
    ship_labels()
    hers, others = pictured(1, owner=cast.ana), pictured(2, owner=cast.tower)
    for media, author in ((hers, cast.ana), (others, cast.tower), (hers, cast.carl)):
        seen(media, "antenna", 0.2 if author == cast.ana else 0.9, of=layer(media, owner=author))
    assert drawn(FALSE, cast.ana, order="score_desc").ids == [hers.pk]
    assert drawn({}, cast.ana, order="score_desc").ids == [hers.pk]
    assert drawn({"score_from": "0.5"}, cast.ana, order="score_desc").ids == []


def test_pages_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    hills(3, 5)
    whole = drawn(FALSE, order="score_desc", per="view", at_most=2)
    monkeypatch.setattr(sampling, "PAGE", 2)
    assert drawn(FALSE, order="score_desc", per="view", at_most=2) == whole


# --- The best of what streams by -------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=60),
    st.integers(1, 12),
    st.integers(0, 4),
    st.randoms(use_true_random=False),
)
def test_the_best_are_those_that_a_look_through_all_in_order_takes(
    offered: list[tuple[int, int]], count: int, at_most: int, random: Random
) -> None:
    keys = [((score, random.randrange(3), number), group) for number, (score, group) in enumerate(offered)]
    best = Best(count, at_most)
    for key, group in random.sample(keys, len(keys)):
        best.offer(key, group)
    taken_of: Counter[int] = Counter()
    wanted: list[int] = []
    for key, group in sorted(keys):
        if len(wanted) < count and (not at_most or taken_of[group] < at_most):
            wanted.append(key[2])
            taken_of[group] += 1
    assert best.ids() == wanted


def test_memory_holds_what_is_drawn_and_never_all() -> None:
    best = Best(10, 2)
    largest = 0
    for number in range(20_000):
        best.offer((-number, 0, number), number % 7)  # each is better than all before
        largest = max(largest, len(best.all) + sum(map(len, best.groups.values())))
    assert largest < 1100
    assert best.ids() == list(range(19_999, 19_989, -1))


# --- Said ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        {"order": "random"}, {"count": 5}, {"order": "best", "count": 5}, {"order": "random", "count": 0},
        {"order": "random", "count": 100_001}, {"order": "random", "count": True}, {"order": "random", "count": "5"},
        {"order": "random", "count": 5, "per": "week", "at_most": 1}, {"order": "random", "count": 5, "per": "day"},
        {"order": "random", "count": 5, "at_most": 3}, {"order": "random", "count": 5, "per": "day", "at_most": 0},
        {"order": "random", "count": 5, "seed": -1}, {"order": "random", "count": 5, "seed": 2**63},
        {"order": "random", "count": 5, "limit": 3},
    ],
)  # fmt: skip
def test_a_sample_that_cannot_be_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        sampling_of(said)
    assert refused.value.where[:2] == ("body", "sample")


@pytest.mark.parametrize("count", [1, 100_000])
def test_limits_of_a_sample_are_taken(count: int) -> None:
    made = sampling_of({"order": "random", "count": count, "per": "day", "at_most": count, "seed": 2**63 - 1})
    assert made.count == count
