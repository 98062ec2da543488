"""What curators decide about clusters, and that no search takes it back."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.refusals import Conflict, Invalid
from accounts.tests.cast import Cast
from curation.actions import derived
from curation.actions.duplicates import deciding
from curation.actions.duplicates.searching import begin_anew
from curation.models import Cluster, ClusterItem, Media
from curation.tests.deeds import actor
from curation.tests.duplicates.rows import clustered, clusters, differing, found, of, seen

pytestmark = pytest.mark.django_db
ONE, ALL, NOT = "keep_one", "keep_all", "not_duplicates"


def decided(cast: Cast, cluster: Cluster, decision: str, kept: Media | None = None) -> Cluster:
    cluster.refresh_from_db()
    return deciding.decide(cluster, decision, kept=kept.pk if kept else None, by=actor(cast.carl))


def state(cluster: Cluster) -> tuple[Any, ...]:
    cluster.refresh_from_db()
    return cluster.decision, cluster.kept_id, cluster.awaits


def test_keeping_one_leaves_the_others_out_and_deletes_nothing(cast: Cast) -> None:
    one, other, third = seen(0), seen(1), seen(2)
    found()
    before = list(Media.objects.values())
    decided(cast, Cluster.objects.get(), ONE, other)
    left_out = ClusterItem.objects.left_out()
    assert set(left_out.values_list("media", flat=True)) == {one.pk, third.pk}
    assert list(Media.objects.values()) == before
    Media.objects.filter(pk=other.pk).update(deleted_at=timezone.now())
    assert not left_out.exists()  # there is none to stand back for


@pytest.mark.parametrize("decision", [ALL, NOT])
def test_other_decisions_leave_nothing_out(cast: Cast, decision: str) -> None:
    decided(cast, clustered(3), decision)
    assert not ClusterItem.objects.left_out().exists()


def test_every_decision_is_told_in_the_history_and_can_be_taken_back(cast: Cast) -> None:
    cluster = clustered(2)
    kept = cluster.items.all()[0].media
    decided(cast, cluster, ONE, kept)
    decided(cast, cluster, NOT)
    deciding.undo(cluster, by=actor(cast.ada))
    assert state(cluster) == ("", None, True)
    told = [
        (row.actor_login, row.action, row.after) for row in AuditEntry.objects.filter(table="cluster").order_by("pk")
    ]
    assert told == [
        ("carl", "cluster.decide", {"decision": ONE, "kept": kept.pk, "media": 2}),
        ("carl", "cluster.decide", {"decision": NOT, "kept": None, "media": 2}),
        ("ada", "cluster.undo", {"decision": "", "kept": None, "media": 2}),
    ]
    with pytest.raises(Conflict, match="Nothing is decided"):
        deciding.undo(cluster, by=actor(cast.ada))


def test_who_decides_on_what_was_is_told_to_look_again(cast: Cast) -> None:
    stale = clustered(2)
    decided(cast, Cluster.objects.get(pk=stale.pk), ALL)
    with pytest.raises(Conflict, match="look again"):
        deciding.decide(stale, NOT, by=actor(cast.carl))
    assert state(stale) == (ALL, None, False)


def test_only_a_living_media_of_the_cluster_can_be_kept(cast: Cast) -> None:
    cluster, stranger = clustered(3), Media.objects.create()
    gone = cluster.items.all()[0].media
    Media.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    for kept, decision in ((stranger, ONE), (gone, ONE), (None, ONE), (cluster.items.all()[1].media, ALL)):
        with pytest.raises(Invalid):
            decided(cast, cluster, decision, kept)
    assert state(cluster) == ("", None, True)


# --- After a decision ------------------------------------------------------------------------------


def test_a_media_that_joins_a_decided_cluster_is_new_and_the_decision_stays(cast: Cast) -> None:
    one, other = seen(0), seen(1)
    found()
    cluster = decided(cast, Cluster.objects.get(), ONE, one)
    late = seen(2)
    found()
    assert clusters() == {of(one, other, late)}
    assert state(cluster) == (ONE, one.pk, True)
    assert list(ClusterItem.objects.filter(is_new=True).values_list("media", flat=True)) == [late.pk]
    assert list(ClusterItem.objects.left_out().values_list("media", flat=True)) == [other.pk]
    decided(cast, cluster, ONE, one)
    assert set(ClusterItem.objects.left_out().values_list("media", flat=True)) == {other.pk, late.pk}
    assert state(cluster) == (ONE, one.pk, False)


def test_an_undecided_cluster_becomes_part_of_a_decided_one(cast: Cast) -> None:
    small = [seen(differing(20)), seen(differing(20))]
    large = [seen(0), seen(0), seen(0)]
    found()
    cluster = decided(cast, Cluster.objects.get(size=2), ALL)
    bridge = seen(differing(10))
    found()
    assert clusters() == {of(*small, *large, bridge)}
    assert state(cluster) == (ALL, None, True)
    assert set(ClusterItem.objects.filter(is_new=False).values_list("media", flat=True)) == set(of(*small))


def test_two_decisions_stay_two(cast: Cast) -> None:
    ends = [seen(0), seen(0), seen(differing(20)), seen(differing(20))]
    found()
    for cluster in Cluster.objects.all():
        decided(cast, cluster, NOT)
    bridge = seen(differing(10))
    report = found()
    assert clusters() == {of(*ends[:2], bridge), of(*ends[2:])}
    assert report["apart"] == 1


def test_no_search_takes_a_decision_back(cast: Cast) -> None:
    one, other = seen(0), seen(1)
    found()
    cluster = decided(cast, Cluster.objects.get(), NOT)
    before = Cluster.objects.values().get()
    found(), found(everywhere=False)
    begin_anew()
    found()
    assert Cluster.objects.values().get() == before
    late = seen(2)
    found()
    begin_anew()  # what joined since the decision is found once more
    assert clusters() == {of(one, other)}
    found()
    assert clusters() == {of(one, other, late)}
    assert state(cluster) == (NOT, None, True)


def test_a_cluster_awaits_a_look_when_the_kept_one_shows_something_else(cast: Cast) -> None:
    one = seen(0)
    seen(1), seen(2)
    found()
    cluster = decided(cast, Cluster.objects.get(), ONE, one)
    derived.forget([one.pk])
    assert state(cluster) == (ONE, one.pk, True)
    assert not ClusterItem.objects.filter(media=one).exists()
