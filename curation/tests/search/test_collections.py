"""Collections: kept, filled, frozen, and seen by whom they concern."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.refusals import Conflict, Invalid
from accounts.scopes import Sees
from accounts.tests.cast import Cast, api
from curation.actions import collections as actions
from curation.actions import media as pictures
from curation.models import Collection, CollectionItem, Job, Media
from curation.tests import acting
from curation.tests.contract.helpers import UNREADABLE
from curation.tests.deeds import NOBODY, actor
from curation.tests.labels import ship_labels
from curation.tests.places import taken
from curation.tests.search.helpers import crowd, pictured, seen
from curation.tests.search.test_light import Attempt

pytestmark = pytest.mark.django_db
SAMPLE = {"order": "random", "count": 3, "seed": 7}


def body(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return answer.json()


def post(client: Any, path: str, status: int = 200, **said: Any) -> Any:
    return body(client.post(path, said, format="json"), status)


def media_of(client: Any, pk: int) -> list[int]:
    return [row["id"] for row in body(client.get(f"/collections/{pk}/media?limit=1000"))]


def run_job() -> None:
    job = Job.objects.filter(kind="freeze").latest("pk")
    acting.act("freeze", Attempt(**job.payload))


# --- A query ---------------------------------------------------------------------------------------


def test_a_query_finds_what_its_filters_find_whenever_it_is_asked(cast: Cast) -> None:
    ship_labels()
    carl, media = api(cast.carl), pictured(1)
    made = post(carl, "/collections", 201, name="Smoke", query={"label": "smoke", "score_from": "0.5"})
    assert media_of(carl, made["id"]) == []
    seen(media, "smoke", 0.9)
    seen(media, "smoke", 0.8)
    [row] = body(carl.get(f"/collections/{made['id']}/media"))
    assert (row["id"], row["gone"], row["media"]["uploaded"]) == (media.pk, False, True)
    assert made["query"] == {"label": "smoke", "score_from": "0.5"}
    assert (made["frozen_at"], made["size"], made["owner"]) == (None, None, cast.carl.pk)


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"query": {"label": "nonsense"}}, ["body", "query", "label"]),
        ({"query": {"owner__login": "ada"}}, ["body", "query", "owner__login"]),
        ({"query": {"limit": "5"}}, ["body", "query", "limit"]),
        ({"query": {"light": ""}}, ["body", "query"]),
        ({"query": ["smoke"]}, ["body", "query"]),
        ({"sample": SAMPLE}, ["body", "query"]),
        ({"query": {}, "sample": {"order": "best", "count": 1}}, ["body", "sample", "order"]),
        ({"query": {}, "sample": SAMPLE | {"per": "day"}}, ["body", "sample", "at_most"]),
        ({"name": "  "}, ["body", "name"]),
        ({"name": "x" * 101}, ["body", "name"]),
        ({"description": "x" * 501}, ["body", "description"]),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(cast: Cast, said: dict[str, Any], where: list[str]) -> None:
    ship_labels()
    answer = api(cast.carl).post("/collections", {"name": "Smoke"} | said, format="json")
    assert answer.status_code == 422, answer.content
    assert answer.json()["detail"][0]["loc"][: len(where)] == where
    assert not Collection.objects.exists()
    assert not AuditEntry.objects.filter(table="collection").exists()


def test_names_differ_within_an_organisation_whatever_their_case(cast: Cast) -> None:
    carl, ada = api(cast.carl), api(cast.ada)
    first = post(carl, "/collections", 201, name="Smoke")
    for name in ("Smoke", " SMOKE ", "ｓmoke"):
        assert "of this name" in post(carl, "/collections", 409, name=name)["detail"]
    post(ada, "/collections", 201, name="Smoke")  # of no organisation
    assert post(ada, "/collections", 409, name="smoke")
    body(carl.delete(f"/collections/{first['id']}"))
    post(carl, "/collections", 201, name="Smoke")


# --- A list ----------------------------------------------------------------------------------------


def test_media_are_put_into_a_list_and_taken_out_again(cast: Cast) -> None:
    carl, rows = api(cast.carl), [pictured(number).pk for number in range(4)]
    path = f"/collections/{post(carl, '/collections', 201, name='Fires')['id']}/media"
    assert post(carl, path, add=rows[:3]) == {"added": 3, "removed": 0}
    assert post(carl, path, add=rows[:3]) == {"added": 0, "removed": 0}
    assert post(carl, path, add=[rows[3]], remove=[rows[0], 987654]) == {"added": 1, "removed": 1}
    assert [row["id"] for row in body(carl.get(path))] == rows[1:]
    assert AuditEntry.objects.filter(action="collection.items").count() == 2


def test_what_is_put_into_a_list_is_seen_by_who_puts_it_and_of_it_nothing_else_is(cast: Cast) -> None:
    cast.carl.sees = Sees.LISTED
    cast.carl.save()
    mine = pictured(1, owner=cast.carl).pk
    path = f"/collections/{post(api(cast.carl), '/collections', 201, name='Fires')['id']}/media"
    for unseen in (pictured(2).pk, pictured(3, owner=cast.carl, deleted_at=timezone.now()).pk, 987654):
        answer = post(api(cast.carl), path, 422, add=[mine, unseen])
        assert answer["detail"][0]["msg"] == f"There is no media {unseen} that you see."
    assert not CollectionItem.objects.exists()


@pytest.mark.parametrize(("count", "status"), [(1000, 200), (1001, 422)])
def test_so_many_at_once_and_no_more(cast: Cast, count: int, status: int) -> None:
    path = f"/collections/{post(api(cast.carl), '/collections', 201, name='Fires')['id']}/media"
    post(api(cast.carl), path, status, remove=list(range(1, count + 1)))


def test_nothing_is_put_into_a_query_or_into_what_is_frozen(cast: Cast) -> None:
    carl, media = api(cast.carl), pictured(1).pk
    query = post(carl, "/collections", 201, name="Query", query={})["id"]
    frozen = post(carl, "/collections", 201, name="Fires")["id"]
    post(carl, f"/collections/{frozen}/freeze")
    for pk in (query, frozen):
        post(carl, f"/collections/{pk}/media", 409, add=[media])
        post(carl, f"/collections/{pk}/media", 409, remove=[media])
    assert post(carl, f"/collections/{frozen}/media", 422, add=[media], remove=[media])


# --- Frozen ----------------------------------------------------------------------------------------


def test_what_is_frozen_stays_and_tells_of_what_is_gone(cast: Cast) -> None:
    carl, rows = api(cast.carl), [taken(number) for number in range(3)]
    pk = post(carl, "/collections", 201, name="All", query={"type": "image"})["id"]
    frozen = post(carl, f"/collections/{pk}/freeze")
    assert frozen["size"] == 3
    taken(9)
    pictures.delete(rows[1], by=NOBODY)
    found = body(carl.get(f"/collections/{pk}/media"))
    assert [(row["id"], row["gone"]) for row in found] == [(row.pk, row is rows[1]) for row in rows]
    assert found[1]["media"] is None
    assert "never changes" in post(carl, f"/collections/{pk}/freeze", 409)["detail"]
    assert AuditEntry.objects.filter(action="collection.freeze").count() == 1


def test_many_are_frozen_by_a_job_whose_end_shows(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "AT_ONCE", 3)
    monkeypatch.setattr(actions, "BATCH", 2)
    carl, rows = api(cast.carl), [taken(number).pk for number in range(5)]
    pk = post(carl, "/collections", 201, name="All", query={})["id"]
    assert post(carl, f"/collections/{pk}/freeze", 202)["frozen_at"] is None
    assert post(carl, f"/collections/{pk}/freeze", 202)["frozen_at"] is None
    assert Job.objects.filter(kind="freeze").count() == 1
    run_job()
    assert body(carl.get(f"/collections/{pk}"))["size"] == 5
    assert media_of(carl, pk) == rows
    run_job()  # once more changes nothing
    assert AuditEntry.objects.filter(action="collection.freeze").count() == 1


@pytest.mark.parametrize(("many", "status"), [(3, 200), (4, 202)])
def test_few_are_frozen_at_once(cast: Cast, monkeypatch: pytest.MonkeyPatch, many: int, status: int) -> None:
    monkeypatch.setattr(actions, "AT_ONCE", 3)
    for number in range(many):
        taken(number)
    pk = post(api(cast.carl), "/collections", 201, name="All", query={})["id"]
    post(api(cast.carl), f"/collections/{pk}/freeze", status)


def test_an_attempt_that_was_ended_is_begun_anew(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "AT_ONCE", 1)
    monkeypatch.setattr(actions, "BATCH", 2)
    rows = [taken(number) for number in range(5)]
    made = actions.create("All", query={}, by=actor(cast.carl))
    actions.freeze(made, by=actor(cast.carl))

    class Ended(Attempt):
        def progress(self, done: int, total: int | None = None) -> None:
            if done >= 4:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        actions.work(Ended(**Job.objects.get(kind="freeze").payload))
    assert CollectionItem.objects.count() == 4
    assert media_of(api(cast.carl), made.pk) == [row.pk for row in rows]  # a query still
    pictures.delete(rows[0], by=NOBODY)
    run_job()
    assert media_of(api(cast.carl), made.pk) == [row.pk for row in rows[1:]]


def test_a_sample_is_drawn_when_it_is_frozen_and_says_what_it_left_out(cast: Cast) -> None:
    ship_labels()
    carl, unscored = api(cast.carl), pictured(0)
    seen(unscored, "antenna", None)
    scores = {pictured(number).pk: number / 10 for number in range(1, 6)}
    for pk, score in scores.items():
        seen(Media.objects.get(pk=pk), "antenna", score)
    sample = {"order": "score_desc", "count": 3, "per": "view", "at_most": 2, "seed": 4}
    made = post(carl, "/collections", 201, name="Hard", query={"label_kind": "false_positive"}, sample=sample)
    assert made["sample"] == sample
    assert "once it is frozen" in body(carl.get(f"/collections/{made['id']}/media"), 409)["detail"]
    post(carl, f"/collections/{made['id']}/freeze", 202)
    run_job()
    assert media_of(carl, made["id"]) == sorted(scores)[-2:]
    report = body(carl.get(f"/collections/{made['id']}"))["report"]
    assert report == {"drawn": 2, "fitting": 6, "unscored": 1, "undated": 0, "beyond_count_or_quota": 3}


def test_a_freeze_ends_when_whoever_asked_has_lost_the_access(cast: Cast) -> None:
    made = actions.create("All", query={}, sample=SAMPLE, by=actor(cast.carl))
    actions.freeze(made, by=actor(cast.carl))
    cast.carl.is_active = False
    cast.carl.save()
    with pytest.raises(Conflict, match="no access any more"):
        run_job()
    made.refresh_from_db()
    assert made.frozen_at is None


def test_a_collection_that_was_deleted_is_not_frozen(cast: Cast) -> None:
    made = actions.create("All", query={}, sample=SAMPLE, by=actor(cast.carl))
    actions.freeze(made, by=actor(cast.carl))
    made.refresh_from_db()
    actions.delete(made, by=actor(cast.carl))
    run_job()
    assert not CollectionItem.objects.exists()
    with pytest.raises(Conflict, match="deleted a moment ago"):
        actions.freeze(made, by=actor(cast.carl))


def test_what_a_curator_does_not_see_is_not_frozen(cast: Cast) -> None:
    mine = pictured(1, owner=cast.carl).pk
    pictured(2)
    cast.carl.sees = Sees.LISTED
    cast.carl.save()
    for number, sample in enumerate((None, SAMPLE)):
        made = actions.create(f"All {number}", query={}, sample=sample, by=actor(cast.carl))
        actions.freeze(made, by=actor(cast.carl))
        if sample:
            run_job()
        assert list(made.items.values_list("media", flat=True)) == [mine]


# --- Seen ------------------------------------------------------------------------------------------


def test_users_read_of_a_collection_what_they_see(cast: Cast) -> None:
    hers, others = pictured(1, owner=cast.ana), pictured(2, owner=cast.tower)
    gone = pictured(3, owner=cast.tower)
    made = actions.create("Fires", by=actor(cast.carl))
    actions.change_items(made, add=[hers.pk, others.pk, gone.pk], by=actor(cast.carl))
    pictures.delete(gone, by=NOBODY)
    query = actions.create("All", query={}, by=actor(cast.carl))
    for pk in (made.pk, query.pk):
        assert media_of(api(cast.ana), pk) == [hers.pk]
    assert media_of(api(cast.carl), made.pk) == [hers.pk, others.pk, gone.pk]


def test_a_collection_is_there_for_its_organisation_and_its_owner(cast: Cast) -> None:
    made = actions.create("Fires", by=actor(cast.carl)).pk
    actions.create("Nobody's", by=NOBODY)
    for access, count in ((cast.ana, 1), (cast.tower, 1), (cast.olga, 0), (cast.ada, 2)):
        assert len(body(api(access).get("/collections"))) == count
    gone = actions.create("Gone", by=actor(cast.carl))
    actions.delete(gone, by=actor(cast.carl))
    for method, path, said in (
        ("get", "", None), ("patch", "", {"name": "x"}), ("delete", "", None), ("get", "/media", None),
        ("post", "/media", {"add": []}), ("post", "/freeze", None),
    ):  # fmt: skip
        cast.carl.sees, cast.carl.organisation = Sees.LISTED, cast.olga.organisation
        cast.carl.save()
        Collection.objects.update(owner=cast.ada)
        answers = [
            getattr(api(cast.carl), method)(f"/collections/{pk}{path}", said, format="json")
            for pk in (made, gone.pk, 987654)
        ]
        assert [(one.status_code, one.json()) for one in answers] == [(403, UNREADABLE)] * 3
    assert "Table collections has no entry" in body(api(cast.ada).get("/collections/987654"), 404)["detail"]


def test_a_collection_is_named_anew_by_who_looked_at_it(cast: Cast) -> None:
    carl, made = api(cast.carl), actions.create("Fires", by=actor(cast.carl))
    path = f"/collections/{made.pk}"
    changed = carl.patch(path, {"name": "Blazes"}, format="json", HTTP_IF_MATCH='"1"')
    assert body(changed)["name"] == "Blazes"
    assert carl.patch(path, {"name": "Embers"}, format="json", HTTP_IF_MATCH='"1"').status_code == 412
    assert carl.delete(path, HTTP_IF_MATCH='"1"').status_code == 412
    body(carl.patch(path, {"name": "Blazes", "description": ""}, format="json"))
    assert Collection.objects.get().version == 2
    assert AuditEntry.objects.filter(table="collection").count() == 2


def test_who_decides_on_an_old_look_is_refused(cast: Cast) -> None:
    made = actions.create("Fires", by=actor(cast.carl))
    late = Collection.objects.get()
    actions.describe(made, {"name": "Blazes"}, by=actor(cast.carl))
    with pytest.raises(Conflict, match="Somebody else"):
        actions.describe(late, {"name": "Embers"}, by=actor(cast.carl))
    with pytest.raises(Invalid):
        actions.describe(made, {"name": " "}, by=actor(cast.carl))


def test_lists_are_walked_page_by_page(cast: Cast) -> None:
    ship_labels()
    rows = [media.pk for media in crowd(9, 4)]
    carl = api(cast.carl)
    lists = actions.create("Fires", by=actor(cast.carl))
    actions.change_items(lists, add=rows, by=actor(cast.carl))
    query = actions.create("All", query={}, by=actor(cast.carl))
    for pk in (lists.pk, query.pk):
        address, met = f"/collections/{pk}/media?limit=4", list[int]()
        while address:
            answer = carl.get(address)
            met = [row["id"] for row in body(answer)] + met
            links = answer.get("Link", "").split(", ")
            address = next((one.split(">")[0][1:] for one in links if "prev" in one), "")
        assert met == rows
        assert carl.get(f"/collections/{pk}/media?label=smoke").status_code == 422


# --- Rules of the database -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        ({"name": " "}, "collection_has_a_name"),
        ({"sample": {"order": "random"}}, "a_sample_is_of_a_query"),
        ({"frozen_at": timezone.now()}, "a_frozen_collection_knows_its_size"),
        ({"size": 3}, "a_frozen_collection_knows_its_size"),
    ],
)
def test_the_database_refuses(columns: dict[str, Any], rule: str) -> None:
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        Collection.objects.create(**{"name": "Fires"} | columns)


def test_a_media_is_collected_once() -> None:
    made, media = actions.create("Fires", by=NOBODY), taken()
    CollectionItem.objects.create(collection=made, media=media)
    with pytest.raises(IntegrityError), transaction.atomic():
        CollectionItem.objects.create(collection=made, media=media)


# --- The regions of a media ------------------------------------------------------------------------


def test_the_regions_of_a_media_are_listed_those_that_one_sees(cast: Cast) -> None:
    ship_labels()
    media = pictured(1, owner=cast.ana)
    rows = [seen(media, "smoke", 0.5), seen(media, "antenna", None)]
    assert body(api(cast.ana).get(f"/media/{media.pk}/regions")) == []
    [first, second] = body(api(cast.carl).get(f"/media/{media.pk}/regions"))
    assert (first["id"], first["label"], first["score"], first["x1"]) == (rows[0].pk, "smoke", 0.5, 0.1)
    assert (second["origin"], second["is_truth"], second["score"]) == ("prediction", False, None)
    assert first["annotation_id"] == rows[0].annotation_id
    page = api(cast.carl).get(f"/media/{media.pk}/regions?limit=1")
    assert [row["id"] for row in body(page)] == [rows[1].pk]
    assert f"before={rows[1].pk}" in page["Link"]
