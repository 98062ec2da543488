"""What curators decide about layers in the workbench."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.tests.cast import Cast
from accounts.tests.test_admin import enter, page, text
from curation.actions import layers
from curation.models import Annotation, Media, Origin
from curation.tests.deeds import NOBODY, stored_annotation, stored_media
from curation.tests.labels import box, predicted, say, ship_labels


@pytest.fixture(autouse=True)
def _labels(db: None) -> None:
    ship_labels()


def shown(client: Client, row: Annotation) -> str:
    return text(client.get(page("curation_annotation_change", row.pk)))


def post(client: Client, what: str, row: Annotation, **fields: Any) -> str:
    """The page that follows a decision."""
    return text(client.post(page(f"curation_annotation_{what}", row.pk), fields, follow=True))


def test_the_page_of_a_layer_shows_its_regions(cast: Cast) -> None:
    client = enter(cast.carl)
    row = predicted(stored_media(1), [box(score=0.871), box("", x=0.6)])
    seen = shown(client, row)
    assert "<td>smoke</td>" in seen
    assert "<td>0.87</td>" in seen
    assert "10.0, 10.0 to 30.0, 30.0 %" in seen
    assert "They are not known" in shown(client, stored_annotation(stored_media(2)))
    assert "there is nothing on the picture" in shown(client, predicted(stored_media(3), []))


def test_regions_are_drawn_over_the_picture_of_a_layer(cast: Cast) -> None:
    client = enter(cast.carl)
    row = predicted(stored_media(1), [box(score=0.871), box("", x=0.6, frame=3)])
    seen = shown(client, row)
    corners = "0.1000,0.1000 0.3000,0.1000 0.3000,0.3000 0.1000,0.3000"
    assert f'<polygon class="prediction" points="{corners}"><title>smoke, prediction, score 0.87</title>' in seen
    assert seen.count("<polygon") == 1, "what is said of a frame of a video is not drawn on a still picture"
    assert "<polygon" not in shown(client, stored_annotation(stored_media(2)))


def test_the_page_of_a_media_draws_what_all_its_layers_say(cast: Cast) -> None:
    media = stored_media()
    ring = ((0.5, 0.5), (0.75, 0.5), (0.5, 0.75))
    predicted(media, [box(score=0.5)])
    predicted(media, [box(x=0.5, y=0.5, size=0.25, kind="polygon", points=ring)], origin=Origin.IMPORTED)
    seen = text(enter(cast.carl).get(page("curation_media_change", media.pk)))
    assert (
        '<polygon class="imported" points="0.5000,0.5000 0.7500,0.5000 0.5000,0.7500"><title>smoke, imported</title>'
        in seen
    )
    assert seen.count("<polygon") == 2


def test_a_page_shows_so_many_regions_and_counts_the_rest(cast: Cast) -> None:
    row = predicted(stored_media(1), [box(y=n / 1000) for n in range(201)])
    assert "1 more are not shown." in shown(enter(cast.carl), row)


def test_a_curator_accepts_a_layer_from_its_page(cast: Cast) -> None:
    client = enter(cast.carl)
    row = predicted(stored_media(), [box(score=0.5)])
    assert "Accept as what a person sees" in shown(client, row)
    answer = post(client, "accept", row, seen=Annotation.objects.get(pk=row.pk).version)
    assert "Accepted: this is the human layer now." in answer
    human = Annotation.objects.get(origin="human")
    assert human.owner == cast.carl
    assert "Accept as what a person sees" not in shown(client, human)


def test_who_saw_another_version_accepts_nothing(cast: Cast) -> None:
    row = predicted(stored_media(), [box(score=0.5)])
    assert "a moment ago" in post(enter(cast.carl), "accept", row, seen=1)
    assert not Annotation.objects.filter(origin="human").exists()


def test_a_curator_accepts_a_sequence_or_nothing_of_it(cast: Cast) -> None:
    client = enter(cast.carl)
    rows = [predicted(stored_media(seed), [box(score=0.1 * seed)]) for seed in (1, 2, 3)]
    layers.edit(rows[2].media, [box("sky")], by=NOBODY, if_version=0)
    chosen = {"action": "accept_chosen", "_selected_action": [row.pk for row in rows]}
    answer = text(client.post(page("curation_annotation_changelist"), chosen, follow=True))
    assert "another human layer already; edit that one. Nothing was changed." in answer
    assert Annotation.objects.filter(origin="human").count() == 1
    chosen["_selected_action"] = [row.pk for row in rows[:2]]
    answer = text(client.post(page("curation_annotation_changelist"), chosen, follow=True))
    assert "2 accepted" in answer
    assert Annotation.objects.filter(origin="human").count() == 3


def test_revisions_are_compared_on_a_page(cast: Cast) -> None:
    client = enter(cast.carl)
    row = predicted(stored_media(), [box(), box("tree", x=0.6), box("sky", y=0.7)])
    say(row, [box(x=0.15), box("road", x=0.6), box("dust", x=0.5, y=0.7)])
    address = page("curation_annotation_compare", row.pk)
    seen = text(client.get(f"{address}?from=1&to=2"))
    for words in ("<td>moved</td>", "<td>relabelled</td>", "<td>added</td>", "<td>removed</td>", "0.60", "dust at"):
        assert words in seen
    assert "They say the same." in text(client.get(f"{address}?from=2&to=2"))
    for query in ("", "?from=1&to=9", "?from=1&to=x", "?from=1&to=99999999999"):
        assert "has no entry" in text(client.get(address + query, follow=True))


def test_a_curator_goes_back_to_a_revision(cast: Cast) -> None:
    client = enter(cast.carl)
    row = say(predicted(stored_media(), [box()]), [box("sky")])
    answer = post(client, "restore", row, revision=1, seen=Annotation.objects.get(pk=row.pk).version)
    assert "Gone back, by a new revision." in answer
    assert "restored revision 1" in answer
    assert "a moment ago" in post(client, "restore", row, revision=2, seen=1)
    assert "has no entry" in post(client, "restore", row, revision="x")
    assert row.revisions.count() == 3


def test_nobody_decides_by_a_link_or_without_leave(cast: Cast) -> None:
    row = predicted(stored_media(), [box()])
    for what in ("accept", "restore"):
        assert enter(cast.carl).get(page(f"curation_annotation_{what}", row.pk)).status_code == 405
        assert enter(cast.ana).post(page(f"curation_annotation_{what}", row.pk)).status_code == 302
        assert enter(cast.carl).post(page(f"curation_annotation_{what}", 987654)).status_code == 404
    assert enter(cast.ana).get(page("curation_annotation_compare", row.pk)).status_code == 302
    assert Media.objects.count() == Annotation.objects.count() == 1


def test_a_list_of_layers_reads_no_regions(cast: Cast, django_assert_max_num_queries: Any) -> None:
    client = enter(cast.carl)
    for seed in range(3):
        predicted(stored_media(seed), [box()])
    client.get(page("curation_annotation_changelist"))
    with django_assert_max_num_queries(8) as caught:
        client.get(page("curation_annotation_changelist"))
    assert not [query for query in caught.captured_queries if '"regions",' in query["sql"]]
