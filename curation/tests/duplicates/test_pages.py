"""Clusters in the workbench, and the command."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation
from accounts.scopes import Sees
from accounts.tests.cast import Cast
from accounts.tests.test_admin import enter, page, text
from curation.models import Cluster, ClusterItem, DuplicateSearch, Job, Media
from curation.tests.duplicates.rows import clustered, found, seen

pytestmark = pytest.mark.django_db


def media_of(cluster: Cluster) -> list[int]:
    return list(ClusterItem.objects.filter(cluster=cluster).order_by("pk").values_list("media", flat=True))


def test_a_curator_looks_decides_goes_on_and_takes_it_back(cast: Cast) -> None:
    older, newer = clustered(2), clustered(3)
    client, kept = enter(cast.carl), media_of(newer)[1]
    path = page("curation_cluster_change", newer.pk)
    shown = text(client.get(path))
    assert shown.count("Keep this one") == 3
    assert "Undo the decision" not in shown
    answer = client.post(page("curation_cluster_decide", newer.pk), {"kept": kept, "seen": "1"})
    assert answer["Location"] == page("curation_cluster_change", older.pk)
    newer.refresh_from_db()
    assert (newer.decision, newer.kept_id, newer.decided_by) == ("keep_one", kept, cast.carl)
    assert f"keep one (media {kept})" in text(client.get(answer["Location"]))
    shown = text(client.get(path))
    assert "<strong>kept</strong>" in shown
    assert "cluster.decide" in shown
    client.post(page("curation_cluster_undo", newer.pk), {"seen": "2"})
    newer.refresh_from_db()
    assert (newer.decision, newer.awaits) == ("", True)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"decision": "keep_all", "seen": "7"}, "look again"),
        ({"decision": "keep_one"}, "is needed with keep_one"),
        ({"decision": "nonsense"}, "Choose what to decide"),
        ({}, "Choose what to decide"),
        ({"kept": "999"}, "is no media of this cluster"),
        ({"kept": "9" * 30}, "Choose what to decide"),
    ],
)
def test_what_cannot_be_decided_is_said_in_a_sentence(cast: Cast, said: dict[str, str], sentence: str) -> None:
    cluster = clustered(2)
    shown = text(enter(cast.carl).post(page("curation_cluster_decide", cluster.pk), said, follow=True))
    assert sentence in shown
    assert not Cluster.objects.exclude(decision="").exists()


def test_who_does_not_see_all_of_it_looks_and_does_not_decide(cast: Cast) -> None:
    forest = Organisation.objects.get(name="Forest Watch")
    cast.carl.sees = Sees.LISTED
    cast.carl.save()
    cast.carl.listed.set([forest])
    seen(0, organisation=forest), seen(0, organisation=forest)
    hidden = seen(0)
    found()
    cluster, client = Cluster.objects.get(), enter(cast.carl)
    shown = text(client.get(page("curation_cluster_change", cluster.pk)))
    assert "not decide about them" in shown
    assert f"/media/{hidden.pk}/" not in shown
    assert client.post(page("curation_cluster_decide", cluster.pk), {"decision": "keep_all"}).status_code == 403
    listed = page("curation_cluster_changelist")
    assert '<td class="field-seen">2</td>' in text(client.get(listed))
    assert f"/cluster/{cluster.pk}/" not in text(client.get(f"{listed}?q={hidden.pk}"))
    assert f"/cluster/{cluster.pk}/" in text(client.get(f"{listed}?q={media_of(cluster)[0]}"))


@pytest.mark.parametrize("query", ["awaits=yes", "awaits=no", "kind__exact=near", "q=1", "q=one", "q=" + "9" * 40])
def test_every_way_to_ask_for_clusters_is_answered(cast: Cast, query: str) -> None:
    clustered(2)
    assert enter(cast.carl).get(f"{page('curation_cluster_changelist')}?{query}").status_code == 200


def test_a_large_cluster_is_shown_page_by_page(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.admin.clusters.PICTURES_SHOWN", 2)
    cluster, client = clustered(5), enter(cast.carl)
    path, met = page("curation_cluster_change", cluster.pk), list[int]()
    query = ""
    for _ in range(3):
        shown = text(client.get(path + query))
        met += [media for media in media_of(cluster) if f'value="{media}"' in shown.partition('class="gallery"')[2]]
        query = f"?after={shown.partition('?after=')[2].partition(chr(34))[0]}"
    assert met == media_of(cluster)


def test_sixty_clusters_and_sixty_pictures_cost_what_two_cost(cast: Cast) -> None:
    cluster, client = clustered(2), enter(cast.carl)
    for path in (page("curation_cluster_changelist"), page("curation_cluster_change", cluster.pk)):
        client.get(path)
        with CaptureQueriesContext(connection) as few:
            client.get(path)
        for _ in range(30):
            clustered(2)
        media = [Media.objects.create() for _ in range(40)]
        ClusterItem.objects.bulk_create([ClusterItem(cluster=cluster, media=row, distance=0) for row in media])
        with CaptureQueriesContext(connection) as many:
            client.get(path)
        assert len(many) <= len(few) + 1  # the next one to look at


# --- The command -----------------------------------------------------------------------------------


def run(*words: str) -> str:
    out = StringIO()
    call_command("find_duplicates", *words, stdout=out)
    return out.getvalue()


def last_line(*words: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run(*words, "--json").splitlines()[-1])
    return told


def test_the_command_tells_what_it_found() -> None:
    seen(0), seen(1), seen(2)
    told = last_line("--global")
    assert told.items() >= {"global": True, "done": True, "clusters": 1, "joined": 3, "awaiting": 1, "cap": 100}.items()
    assert told["compared_globally"] == 3
    assert "0 media compared" in run("--global")
    again = last_line("--again", "--global")
    assert (again["clusters"], again["compared_globally"]) == (1, 3)


def test_the_command_leaves_the_work_to_workers(cast: Cast) -> None:
    seen(0), seen(1)
    told = last_line("--global", "--jobs")
    assert not told["done"]
    assert Job.objects.filter(kind="find_duplicates").count() == 1  # the first phase has one part
    assert "waits for workers" in run("--global", "--jobs")
    assert DuplicateSearch.objects.count() == 1
    assert Job.objects.count() == 1


def test_the_command_says_what_stands_in_crowds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.actions.duplicates.neighbours.COMPARED", 2)
    for _ in range(5):
        seen(0)
    assert "crowds look so much alike (up to 5 media)" in run("--global")
