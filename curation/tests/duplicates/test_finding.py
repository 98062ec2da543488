"""What is found: by the bits that differ, by band, by view and time."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from curation.actions import derived
from curation.actions.duplicates import neighbours, settling
from curation.actions.duplicates.searching import begin_anew
from curation.models import Cluster, ClusterItem, ComparisonDue, Likeness, Media
from curation.tests.duplicates.rows import clusters, differing, flipped, found, of, print_of, seen
from curation.tests.places import resolved, taken

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("bits", "are_found"), [(10, True), (11, False)])
def test_ten_bits_of_256_are_a_near_duplicate_and_eleven_are_none(bits: int, are_found: bool) -> None:
    one, other = seen(0), seen(differing(bits))
    found()
    assert clusters() == ({of(one, other)} if are_found else set())
    assert list(ClusterItem.objects.order_by("media").values_list("distance", flat=True)) == [0, 10][: 2 * are_found]


@pytest.mark.parametrize(("short", "are_found"), [(0xFFFF_FFFF_FFFF_0000, True), (0xFFFF_FFFF_FFFF_0001, False)])
def test_only_media_that_share_a_band_are_compared_globally(short: int, are_found: bool) -> None:
    seen(5), seen(5, short=short)
    found()
    assert bool(clusters()) is are_found


@pytest.mark.parametrize(("last", "are_one"), [(4, True), (5, False)])
def test_a_chain_holds_no_two_that_differ_in_more_than_24_bits(last: int, are_one: bool) -> None:
    chain = [seen(differing(bits)) for bits in (0, 10, 20, 20 + last)]
    report = found()
    assert clusters() == ({of(*chain)} if are_one else {of(*chain[:3])})
    assert report["apart"] == (0 if are_one else 1)
    assert Cluster.objects.get().reach == (24 if are_one else 20)


def test_in_a_large_cluster_the_centre_vouches_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.actions.duplicates.groups.CLOSE", 3)
    monkeypatch.setattr(settling, "CLOSE", 3)
    crowd = [seen(differing(bits)) for bits in (0, 10, 10, 10)]
    found()
    near, far = seen(differing(10) | differing(4, first=100)), seen(differing(10) | differing(5, first=100))
    found()
    assert clusters() == {of(*crowd, near)}  # 14 of the centre and a reach of 10 are 24
    assert not ClusterItem.objects.filter(media=far).exists()


def test_the_same_bytes_are_found_without_a_camera() -> None:
    one, other, third = (seen(7, sha256="ab" * 32, short=n * 0x0001_0001_0001_0001) for n in range(3))
    seen(7)
    found(everywhere=False)
    assert clusters() == {of(one, other, third)}
    assert Cluster.objects.get().kind == Cluster.Kind.EXACT


def test_a_cluster_with_other_bytes_is_a_near_one() -> None:
    seen(7, sha256="ab" * 32), seen(7, sha256="ab" * 32)
    found()
    seen(7)
    found()
    assert Cluster.objects.get().kind == Cluster.Kind.NEAR
    assert Cluster.objects.get().size == 3


@pytest.mark.parametrize(("minutes", "are_found"), [(30, True), (30.1, False)])
def test_a_view_is_compared_with_itself_within_half_an_hour(minutes: float, are_found: bool) -> None:
    seen(0, minutes=0), seen(differing(10), minutes=minutes, short=(1 << 64) - 1)
    found(everywhere=False)
    assert bool(clusters()) is are_found


def test_views_are_compared_each_for_itself_until_they_are_merged() -> None:
    one, other = seen(0, minutes=0), seen(0, minutes=1, azimuth=127)
    found(everywhere=False)
    assert clusters() == set()
    for media in (one, other):
        media.refresh_from_db()
    assert one.view
    assert other.view
    other.view.merged_into = other.view.shown_as = one.view
    other.view.save()
    begin_anew()
    found(everywhere=False)
    assert clusters() == {of(one, other)}


def test_what_has_no_camera_or_no_time_is_compared_globally_alone() -> None:
    alone = [seen(0, minutes=None, camera=""), seen(0, minutes=None, camera="")]
    found(everywhere=False)
    assert clusters() == set()
    found()
    assert clusters() == {of(*alone)}


def test_a_media_whose_view_becomes_known_later_is_compared_then() -> None:
    seen(0, minutes=0)
    late = taken(1)
    print_of(late, 0)
    found(everywhere=False)
    assert clusters() == set()
    resolved(late)
    found(everywhere=False)
    assert len(clusters()) == 1


# --- Frozen ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "kind"), [(neighbours.FROZEN - 1, "near"), (neighbours.FROZEN, "frozen")])
def test_so_many_identical_frames_in_a_row_are_a_frozen_feed(count: int, kind: str) -> None:
    frames = [seen(3, minutes=minute) for minute in range(count)]
    found(everywhere=False)
    assert clusters() == {of(*frames)}
    assert Cluster.objects.get().kind == kind


def test_another_frame_between_them_breaks_the_row() -> None:
    for minute in range(neighbours.FROZEN + 1):
        seen(flipped(3, 9) if minute == 2 else 3, minutes=minute)
    found(everywhere=False)
    assert Cluster.objects.get().kind == Cluster.Kind.NEAR


def test_a_feed_that_freezes_while_it_is_searched_again_and_again_is_found_frozen() -> None:
    for minute in range(neighbours.FROZEN):
        seen(3, minutes=minute)
        found(everywhere=False)
    assert Cluster.objects.get().kind == Cluster.Kind.FROZEN
    assert Cluster.objects.get().size == neighbours.FROZEN


# --- Crowds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("between", "are_found"), [(4, True), (5, False)])
def test_in_a_crowd_each_is_compared_with_so_many_and_the_report_says_so(
    between: int, are_found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "COMPARED", 5)
    monkeypatch.setattr("curation.actions.duplicates.neighbours.ALIKE", 0)
    one = seen(9, minutes=0)
    for minute in range(between):
        seen(differing(100 + 20 * minute), minutes=minute + 1)
    other = seen(9, minutes=between + 1)
    report = found(everywhere=False)
    assert clusters() == ({of(one, other)} if are_found else set())
    assert (report["crowds"], report["left_out"], report["largest"]) == ((0, 0, 0) if are_found else (1, 1, 7))


def test_a_flood_of_dark_frames_tells_no_more_likenesses_than_there_are_frames() -> None:
    draw = random.Random(7)
    dark = [seen(flipped(0, draw.randrange(256))) for _ in range(120)]
    report = found()
    assert clusters() == {of(*dark)}
    assert report["pairs"] < 4 * len(dark)
    assert report["crowds"] == 4  # one in each band


def test_a_band_value_that_a_crowd_has_is_read_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("planning", "comparing"):
        monkeypatch.setattr(f"curation.actions.duplicates.{module}.PART", 4)
    crowd = [seen(9) for _ in range(9)]
    found()
    assert clusters() == {of(*crowd)}


# --- Again -----------------------------------------------------------------------------------------


def test_a_second_search_has_nothing_to_do_and_changes_nothing() -> None:
    seen(0), seen(3)
    found()
    before = list(Cluster.objects.values())
    report = found()
    assert (report["compared_in_place"], report["compared_globally"], report["pairs"]) == (0, 0, 0)
    assert list(Cluster.objects.values()) == before
    assert not Likeness.objects.exists()
    assert not ComparisonDue.objects.exists()


def test_new_media_join_the_cluster_that_is_there() -> None:
    one, other = seen(0), seen(3)
    found()
    cluster = Cluster.objects.get()
    new = seen(1)
    report = found()
    assert clusters() == {of(one, other, new)}
    assert Cluster.objects.get().pk == cluster.pk
    assert Cluster.objects.get().version == cluster.version + 1
    assert report["compared_globally"] == 1


def test_a_media_between_two_clusters_makes_one_of_them() -> None:
    ends = [seen(0), seen(0), seen(differing(20)), seen(differing(20))]
    found()
    assert len(clusters()) == 2
    bridge = seen(differing(10))
    report = found()
    assert clusters() == {of(*ends, bridge)}
    assert report["merged"] == 1
    assert Cluster.objects.get().size == 5


def test_a_search_within_views_leaves_the_rest_to_a_global_one() -> None:
    one, other = seen(0, minutes=0), seen(0, minutes=100)
    found(everywhere=False)
    assert clusters() == set()
    found()
    assert clusters() == {of(one, other)}


def test_everything_anew_comes_to_the_same() -> None:
    draw = random.Random(1)
    for centre in range(6):
        for _ in range(5):
            seen(flipped(differing(100, first=20 * centre), draw.randrange(256), draw.randrange(256)), short=centre)
    found()
    before = clusters()
    begin_anew()
    assert clusters() == set()
    found()
    assert clusters() == before
    assert len(before) == 6


# --- Media come and go -----------------------------------------------------------------------------


def test_deleted_media_are_neither_found_nor_shown() -> None:
    one, other, gone = seen(0), seen(1), seen(2)
    Media.objects.filter(pk=gone.pk).update(deleted_at=timezone.now() - timedelta(days=1))
    found()
    assert clusters() == {of(one, other)}


def test_other_bytes_leave_the_cluster_and_are_compared_anew() -> None:
    one, other, changed = seen(0), seen(1), seen(2)
    found()
    derived.forget([changed.pk])
    assert clusters() == {of(one, other)}
    assert Cluster.objects.get().size == 2
    print_of(changed, 3)
    found()
    assert clusters() == {of(one, other, changed)}


def test_a_cluster_of_one_is_none() -> None:
    _, changed = seen(0), seen(1)
    found()
    derived.forget([changed.pk])
    assert not Cluster.objects.exists()
    assert not ClusterItem.objects.exists()
