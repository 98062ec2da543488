"""Who sees which clusters, over the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organisation
from accounts.scopes import Sees
from accounts.tests.cast import Cast, api
from curation.models import Cluster, ClusterItem, Media
from curation.tests.contract.helpers import UNREADABLE
from curation.tests.duplicates.rows import clustered, found, seen

pytestmark = pytest.mark.django_db


@pytest.fixture
def forest(cast: Cast) -> Organisation:
    """Carl, a curator, sees what belongs to it and nothing else."""
    organisation: Organisation = Organisation.objects.get(name="Forest Watch")
    cast.carl.sees = Sees.LISTED
    cast.carl.save()
    cast.carl.listed.set([organisation])
    return organisation


def body(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return answer.json()


def test_an_outsider_sees_no_cluster_of_others(cast: Cast) -> None:
    cluster = clustered(3, owner=cast.ana)
    assert body(api(cast.olga).get("/clusters")) == []
    for path in (f"/clusters/{cluster.pk}", f"/clusters/{cluster.pk}/items"):
        answer = api(cast.olga).get(path)
        assert (answer.status_code, answer.json()) == (403, UNREADABLE)
    assert [row["id"] for row in body(api(cast.ana).get("/clusters"))] == [cluster.pk]
    assert len(body(api(cast.ana).get(f"/clusters/{cluster.pk}/items"))) == 3


@pytest.mark.parametrize(("of_hers", "is_seen"), [(1, False), (2, True)])
def test_a_cluster_shows_what_one_may_see_of_it_when_that_is_two_at_least(
    cast: Cast, forest: Organisation, of_hers: int, is_seen: bool
) -> None:
    stranger = Organisation.objects.create(name="Strangers", name_folded="strangers")
    mine = [seen(0, organisation=forest) for _ in range(of_hers)]
    theirs = [seen(0, organisation=stranger) for _ in range(2)]
    found()
    cluster = Cluster.objects.get()
    client = api(cast.carl)
    rows = body(client.get("/clusters"))
    assert [(row["id"], row["size"]) for row in rows] == ([(cluster.pk, of_hers)] if is_seen else [])
    if not is_seen:
        assert client.get(f"/clusters/{cluster.pk}").status_code == 403
        assert body(client.get(f"/clusters?media={theirs[0].pk}")) == []
        return
    found_by = [len(body(client.get(f"/clusters?media={row.pk}"))) for row in (*mine, *theirs)]
    assert found_by == [1, 1, 0, 0]
    assert {row["media"] for row in body(client.get(f"/clusters/{cluster.pk}/items"))} == {row.pk for row in mine}
    decision = {"decision": "keep_one", "kept": mine[0].pk}
    refused = client.post(f"/clusters/{cluster.pk}/decision", decision, format="json")
    assert (refused.status_code, refused.json()) == (403, UNREADABLE)  # it would be about those of others too
    decision["kept"] = theirs[0].pk
    body(api(cast.ada).post(f"/clusters/{cluster.pk}/decision", decision, format="json"))
    assert body(client.get(f"/clusters/{cluster.pk}"))["kept"] is None


def test_deleted_media_leave_the_view_of_their_cluster(cast: Cast) -> None:
    cluster = clustered(3)
    client = api(cast.ada)
    gone, other, _ = Media.objects.filter(cluster_item__cluster=cluster).order_by("pk")
    Media.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    assert body(client.get(f"/clusters/{cluster.pk}"))["size"] == 2
    assert gone.pk not in {row["media"] for row in body(client.get(f"/clusters/{cluster.pk}/items"))}
    Media.objects.filter(pk=other.pk).update(deleted_at=timezone.now())
    assert client.get(f"/clusters/{cluster.pk}").status_code == 404
    assert body(client.get("/clusters")) == []


def test_clusters_are_found_by_what_is_known_of_them(cast: Cast) -> None:
    one, other = clustered(2), clustered(2)
    Cluster.objects.filter(pk=other.pk).update(kind="frozen")
    client = api(cast.carl)
    media = ClusterItem.objects.filter(cluster=one)[0].media_id
    body(client.post(f"/clusters/{one.pk}/decision", {"decision": "keep_all"}, format="json"))
    asked = {"awaits=true": [other], "awaits=false": [one], "kind=frozen": [other], "decision=keep_all": [one]}
    for query, rows in (asked | {f"media={media}": [one], "decision=keep_one": []}).items():
        assert [row["id"] for row in body(client.get(f"/clusters?{query}"))] == [row.pk for row in rows], query
    for wrong in ("awaits=maybe", "kind=far", "media=0", "size=2"):
        assert client.get(f"/clusters?{wrong}").status_code == 422, wrong


def test_a_decision_is_made_and_taken_back(cast: Cast) -> None:
    cluster = clustered(2)
    kept = ClusterItem.objects.filter(cluster=cluster)[0].media_id
    client, path = api(cast.carl), f"/clusters/{cluster.pk}/decision"
    row = body(client.post(path, {"decision": "keep_one", "kept": kept}, format="json", headers={"If-Match": '"1"'}))
    assert (row["decision"], row["kept"], row["decided_by"], row["awaits"]) == ("keep_one", kept, cast.carl.pk, False)
    assert client.post(path, {"decision": "keep_all"}, format="json", headers={"If-Match": '"1"'}).status_code == 412
    row = body(client.delete(path))
    assert (row["decision"], row["kept"], row["decided_by"], row["decided_at"], row["awaits"]) == (
        None, None, None, None, True,
    )  # fmt: skip
    assert client.delete(path).status_code == 409
    for wrong in ({}, {"decision": "keep"}, {"decision": "keep_one"}, {"decision": "keep_all", "kept": kept}):
        assert client.post(path, wrong, format="json").status_code == 422, wrong
