"""How many questions a route asks the database: at most so many, and no more for sixty rows than for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.actor import command
from accounts.tests.cast import Cast, api, make_access, token_of
from curation.actions.derive import derive_now
from curation.models import Annotation, ClusterItem, Collection, CollectionItem, ImportRun, Job, Media
from curation.tests.contract.helpers import announce, layer, rows_of, stored, upload
from curation.tests.duplicates.rows import clustered
from curation.tests.labels import SMOKE, box, predicted, say, ship_labels
from curation.tests.pictures import LABEL, part, picture
from curation.tests.places import resolved, taken
from curation.tests.senders import asked as body
from curation.tests.senders import begin, complete, put

TRANSACTION = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "ROLLBACK")


def questions(ask: Callable[[], Any]) -> list[str]:
    """The statements of a request that is answered; those that frame transactions left out."""
    with CaptureQueriesContext(connection) as caught:
        answer = ask()
    assert answer.status_code < 300, answer.content
    return [query["sql"] for query in caught.captured_queries if not query["sql"].startswith(TRANSACTION)]


def warm(client: APIClient) -> APIClient:
    """A client whose token has its hour of use noted already."""
    client.get("/accesses/me")
    return client


READS = {  # route: statements, the token's own one among them
    "/media": 3,  # the views of a page are asked for together
    "/media?type=image&uploaded=true&after=0": 2,
    "/annotations": 2,
    "/accesses": 2,
    "/tokens": 2,
    "/accesses/me": 1,
    "/media/{media}": 2,
    "/media/{media}/url": 3,
    "/media/{media}/thumbnail": 4,
    "/annotations/{annotation}": 2,
    "/annotations/{annotation}/url": 3,
    "/annotations/{annotation}/regions": 3,
    "/annotations/{annotation}/export?format=csv": 5,  # its revision, its media, and an entry of the history
    "/annotations/{annotation}/revisions": 3,
    "/annotations/{annotation}/diff?from=2&to=3": 4,
    "/media?view={view}": 4,
    "/media?camera={camera}": 4,
    "/media?sequence={sequence}": 4,
    "/media?label=smoke&origin=prediction&score_from=0.1&state=parsed": 4,  # the label; ids of a page, then its rows
    "/media?label_kind=smoke&light=day&size_from=1": 4,
    "/media?order=captured&after=0": 4,
    "/media/{media}/regions": 3,
    "/collections": 2,
    "/collections/{collection}": 2,
    "/collections/{collection}/media": 4,
    "/collections/{query}/media": 5,
    "/cameras": 2,
    "/cameras/{camera}": 2,
    "/views?camera={camera}": 2,
    "/views/{view}": 2,
    "/sequences?view={view}": 3,
    "/sequences/{sequence}": 3,
    "/sequences/{sequence}/media": 5,
    "/clusters?awaits=true": 3,
    "/clusters?media={media}": 3,
    "/clusters/{cluster}": 3,
    "/clusters/{cluster}/items": 3,
    "/uploads/{upload}": 2,
    "/jobs/{job}": 2,
    "/labels": 2,
    "/taxonomy": 2,
    "/mappings?name=none": 2,
    "/imports/{run}": 2,
    "/imports/{run}/items": 3,
    "/imports/{run}/items?verdict=refused&after=0": 3,
    "/imports/{run}/items?verdict=not_found&after=0": 3,
}


@pytest.mark.parametrize("route", READS)
def test_reading_asks_no_more_than_this(cast: Cast, route: str) -> None:
    media = stored(api(cast.tower))
    annotation = layer(api(cast.tower), media)
    for regions in ([box()], [box(x=0.2), box(x=0.6)]):
        say(Annotation.objects.get(pk=annotation), regions)
    derive_now(Media.objects.get(pk=media), by=command())
    ship_labels()
    job = Job.objects.create(kind="import", key="1").pk
    run = ImportRun.objects.create(source="folder", state="done").pk
    client = warm(api(cast.ada))
    upload = begin(client, picture(9))["id"]
    [seen] = resolved(taken())
    assert seen.view
    kept = Collection.objects.create(name="list")
    CollectionItem.objects.create(collection=kept, media=seen)
    query = Collection.objects.create(name="query", query={"label_kind": "smoke"})
    places = {"view": seen.view.pk, "camera": seen.view.camera_id, "sequence": seen.item.sequence_id}
    look_alike = clustered(2)
    places |= {"cluster": look_alike.pk}
    places |= {"collection": kept.pk, "query": query.pk}
    path = route.format(media=media, annotation=annotation, upload=upload, job=job, run=run, **places)
    asked = questions(lambda: client.get(path))
    assert len(asked) <= READS[route], asked


PLACES = ["/cameras", "/views", "/sequences", "/sequences/{sequence}/media"]


@pytest.mark.parametrize("route", PLACES)
def test_sixty_places_cost_what_one_costs(cast: Cast, route: str) -> None:
    [first] = resolved(taken(sequence="fire 7"))
    client = warm(api(cast.ada))
    path = f"{route.format(sequence=first.item.sequence_id)}?limit=1000"
    one = questions(lambda: client.get(path))
    resolved(*(taken(n, camera=f"mast {n}") for n in range(59)), *(taken(n, sequence="fire 7") for n in range(59)))
    sixty = questions(lambda: client.get(path))
    assert len(client.get(path).json()) == 60
    assert len(sixty) == len(one)


@pytest.mark.parametrize("route", ["/clusters", "/clusters/{cluster}/items"])
def test_sixty_near_duplicates_cost_what_two_cost(cast: Cast, route: str) -> None:
    first = clustered(2)
    client = warm(api(cast.ada))
    path = f"{route.format(cluster=first.pk)}?limit=1000"
    one = questions(lambda: client.get(path))
    for n in range(59):
        clustered(2, looks=1 << n)
    media = [Media.objects.create() for _ in range(58)]
    ClusterItem.objects.bulk_create([ClusterItem(cluster=first, media=row, distance=0) for row in media])
    sixty = questions(lambda: client.get(path))
    assert len(client.get(path).json()) == 60
    assert len(sixty) == len(one)


@pytest.mark.parametrize("route", ["/media", "/annotations", "/accesses", "/tokens"])
def test_sixty_rows_cost_what_one_costs(cast: Cast, route: str) -> None:
    [media] = rows_of(cast.tower, 1)
    Annotation.objects.create(media=media, owner=cast.tower)
    client = warm(api(cast.ada))
    one = questions(lambda: client.get(f"{route}?limit=1000"))
    rows_of(cast.tower, 59)
    Annotation.objects.bulk_create([Annotation(media=media, owner=cast.tower) for _ in range(59)])
    for n in range(59):
        make_access(f"person-{n}", "user")
        token_of(cast.ada)
    sixty = questions(lambda: client.get(f"{route}?limit=1000"))
    assert len(client.get(f"{route}?limit=1000").json()) >= 60
    assert len(sixty) == len(one)


WRITES = {
    "announce a media": 3,
    "announce an annotation": 5,
    "upload a picture": 8,
    "upload an annotation": 10,
    "send an entry": 11,
    "begin an upload": 7,
    "begin ten uploads": 7,
    "complete an upload": 11,
    "complete ten uploads": 11,  # however many they are, up to 4 MiB together
    "complete two uploads": 11,
    "cancel an upload": 4,
    "add a mapping": 5,
    "import annotations": 9,
    "say what a picture shows": 18,
    "accept a layer": 18,
    "decide about a cluster": 8,
    "describe": 5,
    "delete": 5,
}


@pytest.mark.parametrize("what", WRITES)
def test_writing_asks_no_more_than_this(cast: Cast, what: str) -> None:
    tower, ada = warm(api(cast.tower)), warm(api(cast.ada))
    media = announce(tower)
    annotation = layer(tower, announce(tower), None)
    ship_labels()
    seen = predicted(announce(tower), [box(), box(x=0.6)]).pk
    rows = [begin(tower, picture(n)) for n in range(20, 32)]
    for n, row in enumerate(rows):
        put(row, picture(20 + n))
    look_alike = clustered(2).pk
    kept = ClusterItem.objects.filter(cluster=look_alike)[0].media_id
    ten = {"ids": [row["id"] for row in rows[:10]]}
    files = {"file": part(picture(5)), "annotation": part(LABEL)}
    asks: dict[str, Callable[[], Any]] = {
        "announce a media": lambda: tower.post("/media", {}, format="json"),
        "announce an annotation": lambda: tower.post("/annotations", {"media_id": media}, format="json"),
        "upload a picture": lambda: upload(tower, f"/media/{media}", picture(4)),
        "upload an annotation": lambda: upload(tower, f"/annotations/{annotation}", LABEL),
        "send an entry": lambda: tower.post("/entries", files, format="multipart"),
        "begin an upload": lambda: tower.post("/uploads", body(picture(9)), format="json"),
        "begin ten uploads": lambda: tower.post(
            "/uploads/batch", {"uploads": [body(picture(n)) for n in range(50, 60)]}, format="json"
        ),
        "complete an upload": lambda: complete(tower, rows[10]),
        "complete ten uploads": lambda: tower.post("/uploads/batch/complete", ten, format="json"),
        "complete two uploads": lambda: tower.post("/uploads/batch/complete", {"ids": ten["ids"][:2]}, format="json"),
        "cancel an upload": lambda: tower.delete(f"/uploads/{rows[11]['id']}"),
        "say what a picture shows": lambda: ada.put(f"/media/{media}/regions", {"regions": [SMOKE]}, format="json"),
        "accept a layer": lambda: ada.post(f"/annotations/{seen}/accept"),
        "add a mapping": lambda: ada.post("/mappings", {"name": "a", "rules": {"x": "drop"}}, format="json"),
        "import annotations": lambda: ada.post(
            "/annotation-imports", {"file": part(LABEL, "a.txt"), "mapping": "smoke=smoke"}, format="multipart"
        ),
        "decide about a cluster": lambda: ada.post(
            f"/clusters/{look_alike}/decision", {"decision": "keep_one", "kept": kept}, format="json"
        ),
        "describe": lambda: tower.patch(f"/media/{media}", {"camera": "x"}, format="json"),
        "delete": lambda: ada.delete(f"/media/{media}"),
    }
    asked = questions(asks[what])
    assert len(asked) <= WRITES[what], "\n".join(asked)


def test_a_page_deep_in_a_list_costs_what_the_first_costs(cast: Cast) -> None:
    rows_of(cast.tower, 300)
    client = warm(api(cast.carl))
    middle = Media.objects.order_by("id")[150].pk
    for query in ("?limit=50", "?after=0", f"?after={middle}", f"?before={middle}"):
        [_, listed] = questions(lambda query=query: client.get(f"/media{query}"))  # type: ignore[misc]
        assert "OFFSET" not in listed
        assert "COUNT" not in listed
        assert "LIMIT 51" in listed
