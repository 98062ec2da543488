"""Media are ticked in their list, and put into lists of curators."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Access, AuditEntry
from accounts.refusals import Conflict
from accounts.scopes import Sees
from accounts.tests.cast import Cast, make_access
from accounts.tests.test_admin import enter, text
from curation.actions import collections as actions
from curation.models import Collection, CollectionItem, Media
from curation.tests.deeds import NOBODY, actor
from curation.tests.labels import ship_labels
from curation.tests.search.helpers import pictured, seen
from curation.tests.search.test_pages import LIST

pytestmark = pytest.mark.django_db


def rows(count: int) -> list[int]:
    made = Media.objects.bulk_create(Media(type="image") for _ in range(count))
    return sorted(media.pk for media in made)


def tick(client: Client, action: str, ticked: list[int], query: str = "", **fields: Any) -> str:
    """The page that follows. Fields of the second page come with `collect`."""
    form = {"action": action, "_selected_action": ticked, "select_across": "0"} | fields
    if "into" in fields or "name" in fields:
        form |= {"collect": "Add them"}
    else:
        form |= {"index": "0"}
    return text(client.post(f"{LIST}?{query}", form, follow=True))


def inside(collection: Collection) -> list[int]:
    return sorted(collection.items.values_list("media", flat=True))


def test_ticked_media_come_into_a_list_and_go_out_again(cast: Cast) -> None:
    client, media = enter(cast.carl), rows(3)
    collection = actions.create("fires", by=actor(cast.carl))
    asked = tick(client, "add_to_list", media[:2])
    assert "2 media." in asked
    assert f'<option value="{collection.pk}">fires' in asked
    assert inside(collection) == []
    answer = tick(client, "add_to_list", media[:2], into=collection.pk)
    assert f'2 media came into <a href="/admin/curation/collection/{collection.pk}/change/">fires</a>.' in answer
    assert inside(collection) == media[:2]
    assert "1 media came into" in tick(client, "add_to_list", media[1:], into=collection.pk)
    assert "1 media went out of" in tick(client, "remove_from_list", media[:1], into=collection.pk)
    assert inside(collection) == media[1:]
    [last] = AuditEntry.objects.filter(action="collection.items").order_by("-pk")[:1]
    assert (last.actor, last.door, last.after) == (cast.carl, "admin", {"added": 0, "removed": 1, "of": media[:1]})


def test_a_new_list_is_made_on_the_way(cast: Cast) -> None:
    client, media = enter(cast.carl), rows(2)
    tick(client, "add_to_list", media, name=" night shots ", into="")
    collection = Collection.objects.get(name="night shots")
    assert (collection.owner, inside(collection)) == (cast.carl, media)
    again = tick(client, "add_to_list", media, name="Night Shots", into="")
    assert "There is a collection of this name already." in again
    assert Collection.objects.count() == 1


@pytest.mark.parametrize("fields", [{"into": "", "name": " "}, {"into": "7"}, {"into": "", "name": "x" * 101}])
def test_who_names_no_list_is_asked_again(cast: Cast, fields: dict[str, str]) -> None:
    media = rows(1)
    assert "errorlist" in tick(enter(cast.carl), "add_to_list", media, **fields)
    assert not Collection.objects.exists()
    assert "There is no list that could be changed." in tick(enter(cast.carl), "remove_from_list", media)


def test_a_list_and_a_new_name_are_not_guessed_between(cast: Cast) -> None:
    media, collection = rows(1), actions.create("fires", by=actor(cast.carl))
    assert "or name a new one" in tick(enter(cast.carl), "add_to_list", media, into=collection.pk, name="other")
    assert inside(collection) == []


def test_all_that_the_filters_find_come_in_over_every_page(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, however many of its regions fit; the rows of other pages too, and no others."""
    monkeypatch.setattr(actions, "BATCH", 7)
    ship_labels()
    found = [pictured(number) for number in range(60)]
    for media in found:
        seen(media, "smoke", 0.5)
        seen(media, "smoke", 0.6)
    rows(3)
    client, collection = enter(cast.carl), actions.create("smokes", by=actor(cast.carl))
    page = text(client.get(f"{LIST}?label=smoke"))
    assert "Select all that are found, on every page" in page
    across = {"query": "label=smoke", "select_across": "1"}
    asked = tick(client, "add_to_list", [found[-1].pk], **across)
    assert "All that the filters find: 60 media." in asked
    assert "60 media came into" in tick(client, "add_to_list", [found[-1].pk], into=collection.pk, **across)
    assert inside(collection) == [media.pk for media in found]
    assert "60 media went out of" in tick(client, "remove_from_list", [found[0].pk], into=collection.pk, **across)
    assert inside(collection) == []


def test_a_page_that_shows_all_offers_no_other_pages(cast: Cast) -> None:
    rows(2)
    assert "on every page" not in text(enter(cast.carl).get(LIST))


def test_too_many_at_once_are_refused_whole(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "FOUND_MAX", 5)
    monkeypatch.setattr(actions, "BATCH", 2)
    client, media = enter(cast.carl), rows(6)
    assert "More than 5 media are found" in tick(client, "add_to_list", media[:1], select_across="1")
    refused = tick(client, "add_to_list", media[:1], select_across="1", name="all", into="")
    assert "More than 5 media are found" in refused
    assert not Collection.objects.exists()
    assert not CollectionItem.objects.exists()
    Media.objects.filter(pk=media[0]).delete()
    assert "5 media came into" in tick(client, "add_to_list", media[1:2], select_across="1", name="all", into="")


def test_frozen_lists_and_searches_are_not_offered_and_not_changed(cast: Cast) -> None:
    client, media, by = enter(cast.carl), rows(1), actor(cast.carl)
    frozen, search = actions.create("frozen", by=by), actions.create("search", query={"type": "image"}, by=by)
    open_one = actions.create("open", by=by)
    actions.freeze(frozen, by=by)
    asked = tick(client, "add_to_list", media)
    assert f'<option value="{open_one.pk}">' in asked
    for row in (frozen, search):
        assert f'<option value="{row.pk}">' not in asked
        assert "errorlist" in tick(client, "add_to_list", media, into=row.pk)
    with pytest.raises(Conflict, match="never changes again"):
        actions.add_found(frozen, Media.objects.all(), by=NOBODY)
    assert not CollectionItem.objects.exists()


def test_who_sees_some_media_collects_those_alone(cast: Cast) -> None:
    some = make_access("some", "curator")
    Access.objects.filter(pk=some.pk).update(sees=Sees.OWN)
    mine, theirs = rows(2)
    Media.objects.filter(pk=mine).update(owner=some)
    tick(enter(some), "add_to_list", [mine, theirs], name="mine", into="")
    assert inside(Collection.objects.get()) == [mine]
    tick(enter(some), "add_to_list", [mine], select_across="1", name="all", into="")
    assert inside(Collection.objects.get(name="all")) == [mine]
    hidden = actions.create("hidden", by=actor(cast.ada))
    assert f'<option value="{hidden.pk}">' not in tick(enter(some), "add_to_list", [mine])


@pytest.mark.parametrize("name", ["ana", "tower"])
def test_annotators_and_devices_collect_nothing(cast: Cast, name: str) -> None:
    access: Access = getattr(cast, name)
    form = {"action": "add_to_list", "_selected_action": rows(1), "collect": "1", "name": "theirs", "into": ""}
    answer = enter(access).post(LIST, form)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")
    assert not Collection.objects.exists()


def test_no_more_questions_are_asked_for_more_rows(cast: Cast) -> None:
    client, media = enter(cast.carl), rows(40)
    collections = [actions.create(name, by=actor(cast.carl)) for name in ("few", "many")]

    def asked(collection: Collection, ticked: list[int]) -> tuple[int, int]:
        counts = []
        chosen: list[dict[str, Any]] = [{}, {"into": collection.pk}]
        for fields in chosen:
            with CaptureQueriesContext(
                connection,
            ) as caught:
                tick(client, "add_to_list", ticked, **fields)
            counts.append(len(caught))
        return counts[0], counts[1]

    assert asked(collections[0], media[:1]) == asked(collections[1], media)
