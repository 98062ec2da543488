"""Searching and collections in the workbench."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.scopes import Sees
from accounts.tests.cast import Cast
from accounts.tests.test_admin import enter, page, text
from curation.actions import collections as actions
from curation.admin.filters import MEDIA_FILTERS, address_of
from curation.models import Collection, Media
from curation.tests.deeds import actor
from curation.tests.labels import ship_labels
from curation.tests.places import taken
from curation.tests.search.helpers import layer, pictured, seen

pytestmark = pytest.mark.django_db
LIST = "/admin/curation/media/"


def listed(client: Any, query: str = "", path: str = LIST) -> list[int]:
    shown = text(client.get(f"{path}?{query}"))
    ids = re.findall(r'<th class="field-title"><a href="/admin/curation/media/(\d+)/', shown)
    return [int(pk) for pk in ids]


def test_choices_about_regions_hold_for_one_region_and_show_a_media_once(cast: Cast) -> None:
    ship_labels()
    one, both = pictured(1), pictured(2)
    seen(one, "smoke", 0.1)
    seen(one, "dark", 0.9)
    for _ in range(3):
        seen(both, "smoke", 0.9)
    client = enter(cast.carl)
    assert listed(client, "label=smoke") == [both.pk, one.pk]
    assert listed(client, "label=smoke&score_from=0.5") == [both.pk]
    assert listed(client, "label_kind=smoke&origin=prediction&truth=false") == [both.pk, one.pk]


def test_pages_of_a_search_follow_each_other(cast: Cast) -> None:
    ship_labels()
    rows = [pictured(number).pk for number in range(120)]
    for media in Media.objects.all():
        one = layer(media)
        seen(media, "smoke", 0.5, of=one)
        seen(media, "smoke", 0.6, of=one)
    client = enter(cast.carl)
    assert listed(client, "label=smoke") == rows[:-51:-1]
    assert listed(client, f"label=smoke&p=before-{rows[70]}") == rows[69:19:-1]
    assert listed(client, f"label=smoke&p=after-{rows[10]}") == rows[60:10:-1]
    few = queries(client, f"label=smoke&p=before-{rows[1]}")
    assert queries(client, "label=smoke") == few


def queries(client: Any, query: str) -> int:
    with CaptureQueriesContext(connection) as caught:
        assert client.get(f"{LIST}?{query}").status_code == 200
    return len(caught)


def test_other_filters_find_what_they_say(cast: Cast) -> None:
    day, night = pictured(1, light="day"), taken(0, light="night")
    layer(day, state="problem")
    client = enter(cast.carl)
    for query, found in (
        ("light=day", [day]), ("light=unknown", []), ("state=problem", [day]), ("size_from=1000&size_to=1001", [day]),
        ("captured_from=2024-03-06T12:00&captured_to=2024-03-06T12:00:01", [night]), ("uploaded=no", [night]),
    ):  # fmt: skip
        assert listed(client, query) == [row.pk for row in found], query


def test_what_cannot_be_understood_in_an_address_is_left_out(cast: Cast) -> None:
    media = pictured(1)
    assert listed(enter(cast.carl), "light=dusk&score_from=many&captured_to=never&size_to=-1") == [media.pk]


def test_a_curator_of_one_organisation_is_told_nothing_by_what_others_said(cast: Cast) -> None:
    ship_labels()
    mine = pictured(1, owner=cast.carl)
    seen(mine, "smoke", of=layer(mine, owner=cast.ada))
    cast.carl.sees = Sees.LISTED
    cast.carl.save()
    assert listed(enter(cast.carl), "label=smoke") == []
    assert listed(enter(cast.ada), "label=smoke") == [mine.pk]


def test_a_span_keeps_the_rest_of_the_search_and_begins_at_its_first_page(cast: Cast) -> None:
    pictured(1, light="day")
    shown = text(enter(cast.carl).get(f"{LIST}?light=day&size_from=7&p=before-9"))
    form = shown[shown.index('name="score_from"') - 700 : shown.index('name="score_from"')]
    assert '<input type="hidden" name="light" value="day">' in form
    assert '<input type="hidden" name="size_from" value="7">' in form
    assert 'name="p"' not in form


def test_a_search_is_kept_as_a_collection_with_a_few_clicks(cast: Cast) -> None:
    ship_labels()
    media = pictured(1, light="day")
    seen(media, "smoke", 0.9)
    client = enter(cast.carl)
    assert "Keep this search" not in text(client.get(LIST))
    shown = text(client.get(f"{LIST}?label=smoke&uploaded=yes&score_from=0.5"))
    [address] = re.findall(r'href="([^"]+)">Keep this search', shown)
    form = client.get(unescape(address))
    [query] = re.findall(r"<textarea name=\"query\"[^>]*>\s*([^<]*)</textarea>", text(form))
    assert client.post(unescape(address), {"name": "Smoke", "query": unescape(query)}).status_code == 302
    kept = Collection.objects.get()
    assert kept.query == {"label": "smoke", "uploaded": "true", "score_from": "0.5"}
    back = address_of(kept.query)
    assert listed(client, back.partition("?")[2]) == [media.pk]
    assert unescape(back) in unescape(text(client.get(page("curation_collection_change", kept.pk))))


def test_a_search_that_the_list_does_not_know_has_no_address() -> None:
    assert address_of({"sha256": "a" * 64}) == ""
    assert address_of({"sequence": "7", "uploaded": "false"}) == f"{LIST}?in_sequence=7&uploaded=no"
    assert len(MEDIA_FILTERS) == 16


def test_a_list_is_filled_named_frozen_and_deleted(cast: Cast) -> None:
    rows = [pictured(number).pk for number in range(3)]
    client = enter(cast.carl)
    client.post(page("curation_collection_add"), {"name": "Fires"})
    pk = Collection.objects.get().pk
    path = page("curation_collection_change", pk)
    assert client.post(path, {"name": "Fires", "add": f"{rows[0]}, #{rows[1]}\n{rows[2]}"}).status_code == 302
    assert client.post(path, {"name": "Blazes", "remove": str(rows[0])}).status_code == 302
    assert "is no number of a media" in text(client.post(path, {"name": "Blazes", "add": "seven"}))
    assert "that you see" in text(client.post(path, {"name": "Blazes", "add": "987654"}))
    assert client.get(page("curation_collection_freeze", pk)).status_code == 405
    assert "Blazes is frozen." in text(client.post(page("curation_collection_freeze", pk), follow=True))
    assert "never changes again" in text(client.post(page("curation_collection_freeze", pk), follow=True))
    shown = text(client.get(path))
    assert "collection.freeze" in shown
    assert 'name="add"' not in shown
    assert Collection.objects.get().size == 2
    client.post(page("curation_collection_delete", pk), {"post": "yes"})
    assert client.get(path).status_code == 302
    assert Collection.objects.get().deleted_at is not None


def test_a_sample_is_described_by_its_form_and_frozen_by_a_job(cast: Cast) -> None:
    ship_labels()
    client = enter(cast.carl)
    said = {"name": "Hard", "query": "label_kind=false_positive", "order": "score_desc", "count": "500", "seed": "0"}
    refused = client.post(page("curation_collection_add"), said | {"per": "view"})
    assert "at_most belongs to per" in text(refused)
    client.post(page("curation_collection_add"), said | {"per": "view", "at_most": "3"})
    made = Collection.objects.get()
    assert made.sample == {"order": "score_desc", "count": 500, "per": "view", "at_most": 3}
    assert "is being frozen" in text(client.post(page("curation_collection_freeze", made.pk), follow=True))
    assert "500 by score desc, at most 3 of one view, seed 0" in text(
        client.get(page("curation_collection_change", made.pk))
    )


@pytest.mark.parametrize(("query", "sentence"), [("smoke", "written name=value"), ("label=x", "not one of the")])
def test_a_query_that_cannot_be_is_told_at_its_field(cast: Cast, query: str, sentence: str) -> None:
    shown = text(enter(cast.carl).post(page("curation_collection_add"), {"name": "x", "query": query}))
    assert sentence in shown
    assert not Collection.objects.exists()


def test_collections_of_others_are_not_there(cast: Cast) -> None:
    made = actions.create("Fires", by=actor(cast.ada))
    cast.carl.sees = Sees.LISTED
    cast.carl.save()
    client = enter(cast.carl)
    assert client.get(page("curation_collection_change", made.pk)).status_code == 302
    assert client.post(page("curation_collection_freeze", made.pk)).status_code == 404
    assert "Fires" not in text(client.get(page("curation_collection_changelist")))
    assert enter(cast.ada).get(page("curation_collection_change", made.pk)).status_code == 200


def test_sixty_collections_cost_what_one_costs(cast: Cast) -> None:
    actions.create("Fires", query={"light": "day"}, by=actor(cast.carl))
    client, counts = enter(cast.carl), []
    for _ in range(2):
        with CaptureQueriesContext(connection) as caught:
            assert client.get(page("curation_collection_changelist")).status_code == 200
        counts.append(len(caught))
        for number in range(40):
            actions.create(f"Fires {number} {len(counts)}", query={"light": "day"}, by=actor(cast.carl))
    assert counts[0] == counts[1]
