"""Pictures that belong together, whatever the order in which they arrive."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from accounts.models import AuditEntry
from accounts.refusals import Conflict
from accounts.tests.cast import Cast
from curation.actions import cameras, merging, places
from curation.models import Media, Sequence, SequenceItem, View
from curation.tests.deeds import NOBODY, actor
from curation.tests.places import NOON, partition, resolved, taken

pytestmark = pytest.mark.django_db


def ids(*rows: Media) -> tuple[int, ...]:
    return tuple(row.pk for row in rows)


# --- By time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "count"), [(30, 1), (30 + 1 / 60, 2)])
def test_a_pause_of_thirty_minutes_is_the_longest_within_a_sequence(minutes: float, count: int) -> None:
    resolved(taken(0), taken(minutes))
    assert Sequence.objects.count() == count
    resolved(taken(100)), resolved(taken(100 + minutes))
    assert Sequence.objects.count() == 2 * count


def test_a_late_picture_joins_what_it_stands_between() -> None:
    one, two = resolved(taken(0), taken(50))
    assert partition() == {ids(one), ids(two)}
    [between] = resolved(taken(25))
    assert partition() == {ids(one, between, two)}
    sequence = Sequence.objects.get()
    assert (sequence.started_at, sequence.ended_at) == (one.captured_at, two.captured_at)
    assert sequence.name == "brison 110° 2024-03-06 12:00:00"


def test_one_that_a_picture_joined_may_be_joined_to_another_by_the_next_picture_of_the_page() -> None:
    [last] = resolved(taken(70))
    first, second = resolved(taken(0), taken(20))
    assert len(partition()) == 2
    before, between = resolved(taken(-25), taken(45))
    assert partition() == {ids(before, first, second, between, last)}
    sequence = Sequence.objects.get()
    assert (sequence.started_at, sequence.ended_at) == (before.captured_at, last.captured_at)
    assert sequence.name == "brison 110° 2024-03-06 11:35:00"


def test_a_page_costs_as_many_statements_however_many_views_and_sequences_it_mixes() -> None:
    counts = []
    for azimuths in (3, 30):
        resolved(*(taken(0, azimuth=azimuth, sequence="") for azimuth in range(azimuths)))  # the views are known now
        page = [taken(minutes, azimuth=azimuth) for azimuth in range(azimuths) for minutes in (20, 90, 200)]
        page += [taken(20, azimuth=azimuth, sequence=f"fire {azimuth}") for azimuth in range(3)]
        random.Random(azimuths).shuffle(page)
        with CaptureQueriesContext(connection) as captured:
            places.resolve([row.pk for row in page], by=NOBODY)
        counts.append(len(captured) - sum("SAVEPOINT" in query["sql"] for query in captured))
    assert counts[1] <= counts[0] <= 25


def test_views_and_unknown_times_are_kept_apart() -> None:
    one, two, _ = resolved(taken(0), taken(0, azimuth=127), taken(None))
    assert partition() == {ids(one), ids(two)}


def test_the_order_is_by_time_then_by_name() -> None:
    names: dict[str, Any] = {"b": "b", "a": "a", "c": "c"}
    b, a, c = (taken(0 if name != "c" else -1, name_folded=name) for name in names)
    resolved(b), resolved(c), resolved(a)
    assert partition() == {ids(c, a, b)}


TIMES = st.lists(st.integers(0, 200), min_size=1, max_size=14)


def by_definition(rows: list[Media]) -> set[tuple[int, ...]]:
    """Sequences from the sentence that says what they are."""
    found: list[list[Media]] = []
    for row in sorted(rows, key=lambda row: (row.captured_at, row.pk)):
        last = found[-1][-1].captured_at if found else None
        if last and row.captured_at and (row.captured_at - last).total_seconds() <= 1800:
            found[-1].append(row)
        else:
            found.append([row])
    return {ids(*group) for group in found}


@trying(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minutes=TIMES, seed=st.integers(0, 999), pieces=st.integers(1, 5))
def test_whatever_the_order_of_arrival_the_sequences_are_the_same(
    db: None, minutes: list[int], seed: int, pieces: int
) -> None:
    SequenceItem.objects.all().delete()
    Sequence.objects.all().delete()
    Media.objects.all().delete()
    rows = [taken(minute) for minute in minutes]
    arriving = random.Random(seed).sample(rows, len(rows))
    for start in range(0, len(arriving), pieces):
        resolved(*arriving[start : start + pieces])
    assert partition() == by_definition(rows)
    for sequence in Sequence.objects.all():
        times = [item.media.captured_at for item in sequence.items.select_related("media")]
        assert (sequence.started_at, sequence.ended_at) == (min(times), max(times))  # type: ignore[type-var]


# --- By name ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("arrange", [list, reversed])
def test_a_folder_is_a_sequence_however_long_its_pauses(arrange: Callable[..., Any]) -> None:
    rows = [taken(600 * n, sequence="Fire 7" if n else "fire 7 ") for n in range(3)]
    for row in arrange(rows):
        resolved(row)
    assert partition() == {ids(*rows)}
    sequence = Sequence.objects.get()
    assert (sequence.origin, sequence.started_at, sequence.ended_at) == ("name", NOON, rows[2].captured_at)
    assert (sequence.view and sequence.view.azimuth) == 110


@pytest.mark.parametrize("azimuths", [(110, 127), (127, 110), (110, 127, 110)])
def test_a_folder_of_several_views_has_none(azimuths: tuple[int, ...]) -> None:
    for azimuth in azimuths:
        resolved(taken(sequence="fire 7", azimuth=azimuth))
    assert Sequence.objects.get().view is None


def test_a_media_follows_its_text() -> None:
    one, two = resolved(taken(0, sequence="fire 7"), taken(1, sequence="fire 7"))
    Media.objects.filter(pk=two.pk).update(sequence="fire 8")
    resolved(two)
    assert partition() == {ids(one), ids(two)}


def test_a_corrected_time_moves_a_media_within_its_sequence() -> None:
    one, two = resolved(taken(0, sequence="fire 7"), taken(1, sequence="fire 7"))
    Media.objects.filter(pk=one.pk).update(captured_at=taken(9).captured_at)
    resolved(one)
    assert partition() == {ids(two, one)}
    assert Sequence.objects.get().ended_at == one.captured_at


# --- By people -------------------------------------------------------------------------------------


def test_a_sequence_is_cut_and_put_together_again(cast: Cast) -> None:
    rows = resolved(*(taken(n) for n in range(4)))
    part = cameras.split(Sequence.objects.get(), rows[2], by=actor(cast.carl))
    assert partition() == {ids(*rows[:2]), ids(*rows[2:])}
    first = Sequence.objects.exclude(pk=part.pk).get()
    assert (first.ended_at, part.started_at, part.ended_at) == tuple(rows[n].captured_at for n in (1, 2, 3))
    [late, early] = resolved(taken(2.5), taken(0.5))
    assert partition() == {ids(rows[0], early, rows[1]), ids(rows[2], late, rows[3])}

    cameras.merge_sequences(first, part, by=actor(cast.carl))
    assert set(Sequence.objects.shown_as(first.pk)) == {first, part}
    merging.undo(Sequence.objects.get(pk=part.pk), by=actor(cast.carl))
    assert list(Sequence.objects.shown_as(first.pk)) == [first]
    told = AuditEntry.objects.filter(actor=cast.carl).order_by("pk").values_list("action", flat=True)
    assert list(told) == [
        "sequence.split", "sequence.create", "sequence.merge", "sequence.absorb", "sequence.undo", "sequence.release",
    ]  # fmt: skip


def test_a_cut_among_pictures_of_one_second_goes_by_their_names() -> None:
    rows = resolved(*(taken(0, name_folded=name) for name in "abc"))
    cameras.split(Sequence.objects.get(), rows[1], by=NOBODY)
    assert partition() == {ids(rows[0]), ids(*rows[1:])}


def test_what_cannot_be_cut_says_why() -> None:
    rows = resolved(taken(0), taken(1))
    [other] = resolved(taken(500))
    sequence, far = Sequence.objects.order_by("started_at")
    for row, sentence in ((rows[0], "nothing before it"), (other, "is not in this sequence")):
        with pytest.raises(Conflict, match=sentence):
            cameras.split(sequence, row, by=NOBODY)
    cameras.merge_sequences(sequence, far, by=NOBODY)
    for merged, row in ((sequence, rows[1]), (far, other)):
        with pytest.raises(Conflict, match="undo that first"):
            cameras.split(merged, row, by=NOBODY)


def test_what_a_person_has_merged_is_not_swallowed_by_the_next_picture() -> None:
    one, two = resolved(taken(0), taken(50))
    first, second = Sequence.objects.order_by("started_at")
    cameras.merge_sequences(first, second, by=NOBODY)
    [between] = resolved(taken(25))
    assert partition() == {ids(one, between), ids(two)}
    merging.undo(Sequence.objects.get(pk=second.pk), by=NOBODY)
    assert Sequence.objects.filter(merged_into=None).count() == 2


def test_merging_views_leaves_sequences_as_they_are() -> None:
    rows = resolved(taken(0), taken(1, azimuth=127))
    before = partition()
    cameras.merge_views(View.objects.get(azimuth=127), View.objects.get(azimuth=110), by=NOBODY)
    resolved(*rows)
    assert partition() == before == {ids(rows[0]), ids(rows[1])}


def test_sequences_are_renamed_but_for_those_that_pictures_name() -> None:
    resolved(taken(0), taken(0, sequence="fire 7"))
    by_time, by_name = Sequence.objects.get(origin="time"), Sequence.objects.get(origin="name")
    for unchanged in (by_time, by_name):
        cameras.rename_sequence(unchanged, unchanged.name, by=NOBODY)
    assert set(Sequence.objects.values_list("origin", "version")) == {("time", 1), ("name", 2)}
    cameras.rename_sequence(by_time, " smoke over the ridge ", by=NOBODY)
    resolved(taken(-1))
    assert Sequence.objects.get(pk=by_time.pk).name == "smoke over the ridge"
    with pytest.raises(Conflict, match="came with its pictures"):
        cameras.rename_sequence(by_name, "fire 8", by=NOBODY)
