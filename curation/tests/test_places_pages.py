"""Cameras, views and sequences in the workbench."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.scopes import Sees
from accounts.tests.cast import Cast
from accounts.tests.test_admin import enter, page, text
from curation.actions import annotations as files
from curation.admin import splitting
from curation.models import Annotation, Camera, Media, Region, Sequence, View
from curation.tests.deeds import NOBODY
from curation.tests.labels import box, predicted, ship_labels
from curation.tests.places import resolved, taken
from curation.tests.test_places import view_of

pytestmark = pytest.mark.django_db


def test_a_curator_describes_a_camera_and_is_told_what_is_wrong(cast: Cast) -> None:
    resolved(taken())
    camera, client = Camera.objects.get(), enter(cast.carl)
    path = page("curation_camera_change", camera.pk)
    said = {"name": "brison", "latitude": "44.6", "timezone": "UTC"}
    assert "A position is a latitude and a longitude" in text(client.post(path, said))
    assert client.post(path, said | {"longitude": "4.4", "fov": "54"}).status_code == 302
    camera.refresh_from_db()
    assert (camera.latitude, camera.longitude, camera.fov) == (44.6, 4.4, 54.0)
    shown = text(client.get(path))
    assert "sdis-07 brison" in shown
    assert "camera.describe" in shown
    assert any(f">{light}<" in shown for light in ("day", "twilight", "night"))


def test_the_azimuth_of_a_view_is_corrected_on_its_page(cast: Cast) -> None:
    old, new = resolved(taken(), taken(azimuth=127))
    client = enter(cast.carl)
    client.post(page("curation_view_change", old.view_id), {"azimuth": "112"})
    assert view_of(old).azimuth == 112
    refused = client.post(page("curation_view_change", new.view_id), {"azimuth": "112"})
    assert "merge this one into it" in text(refused)


def test_a_merge_is_confirmed_made_and_undone(cast: Cast) -> None:
    old, new = resolved(taken(), taken(azimuth=127))
    client = enter(cast.carl)
    merge = page("curation_view_merge", old.view_id)
    asked = text(client.get(merge))
    assert "are shown with the azimuth of the other one" in asked
    assert View.objects.filter(merged_into=None).count() == 2
    assert client.post(merge, {"into": "999"}).status_code == 200
    assert client.post(merge, {"into": str(new.view_id)})["Location"] == page("curation_view_change", new.view_id)
    assert View.objects.get(merged_into__isnull=False).shown_as_id == new.view_id
    assert "Undo the merge" in text(client.get(page("curation_view_change", old.view_id)))
    assert "brison 110°" in text(client.get(page("curation_view_change", new.view_id)))
    assert client.get(page("curation_view_undo", old.view_id)).status_code == 405
    client.post(page("curation_view_undo", old.view_id))
    assert not View.objects.exclude(merged_into=None).exists()
    again = text(client.post(page("curation_view_undo", old.view_id), follow=True))
    assert "is not merged into another view" in again


def test_a_sequence_shows_its_pictures_in_order_and_is_merged(cast: Cast) -> None:
    rows = resolved(taken(90), taken(0), taken(1))
    first, last = Sequence.objects.order_by("started_at")
    client = enter(cast.carl)
    client.post(page("curation_sequence_merge", last.pk), {"into": str(first.pk)})
    shown = text(client.get(page("curation_sequence_change", first.pk)))
    places = [shown.index(page("curation_media_change", row.pk)) for row in (rows[1], rows[2], rows[0])]
    assert places == sorted(places)


def test_a_sequence_is_split_before_the_picture_that_is_chosen(cast: Cast) -> None:
    first, second, third = resolved(taken(0), taken(1), taken(2))
    sequence, client = Sequence.objects.get(), enter(cast.carl)
    split = page("curation_sequence_split", sequence.pk)
    assert split in text(client.get(page("curation_sequence_change", sequence.pk)))
    offered = text(client.get(split))
    assert f'value="{first.pk}"' not in offered, "nothing would stand before it"
    assert offered.index(f'value="{second.pk}"') < offered.index(f'value="{third.pk}"')
    assert "Choose the picture" in text(client.post(split))
    answer = client.post(split, {"first": str(second.pk)})
    part = Sequence.objects.exclude(pk=sequence.pk).get()
    assert answer["Location"] == page("curation_sequence_change", part.pk)
    assert [*Media.objects.in_sequence([part.pk])] == [second, third]
    assert "nothing before it" in text(
        client.post(page("curation_sequence_split", part.pk), {"first": second.pk}, follow=True)
    )
    assert "There is no later picture" in text(client.get(split))


def test_what_a_model_said_of_a_sequence_is_accepted_on_its_page_by_all_or_none(cast: Cast) -> None:
    ship_labels()
    one, two = resolved(taken(0), taken(1))
    for row in (one, two):
        predicted(row, [box(score=0.9, is_prediction=True)])
    sequence, client = Sequence.objects.get(), enter(cast.carl)
    path, back = page("curation_sequence_accept", sequence.pk), page("curation_sequence_change", sequence.pk)
    assert "Accept the predictions" in text(client.get(back))
    assert client.get(path).status_code == 405
    again = predicted(one, [box("tree")])
    assert "Nothing was changed." in text(client.post(path, follow=True))
    assert not Annotation.objects.filter(origin="human").exists()
    files.delete(again, by=NOBODY)
    assert "2 accepted" in text(client.post(path, follow=True))
    assert Region.objects.filter(origin="human", is_truth=True, score=None).count() == 2


def test_a_long_sequence_offers_its_pictures_page_by_page(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "AT_ONCE", 2)
    rows = resolved(*(taken(minute) for minute in range(4)))
    split, client = page("curation_sequence_split", Sequence.objects.get().pk), enter(cast.carl)
    offered = text(client.get(split))
    assert f'value="{rows[3].pk}"' not in offered
    assert f'href="?after={rows[2].pk}"' in offered
    behind = text(client.get(f"{split}?after={rows[2].pk}"))
    assert f'value="{rows[3].pk}"' in behind
    assert "Later pictures" not in behind
    assert client.get(f"{split}?after=999").status_code == 404


def test_a_picture_of_elsewhere_splits_nothing(cast: Cast) -> None:
    resolved(taken(0), taken(1))
    [other] = resolved(taken(camera="ridge"))
    sequence = Sequence.objects.earliest("pk")
    path = page("curation_sequence_split", sequence.pk)
    assert enter(cast.carl).post(path, {"first": other.pk}).status_code == 403
    assert Sequence.objects.count() == 2


@pytest.mark.parametrize("name", ["camera", "view", "in_sequence"])
def test_the_list_of_media_is_that_of_a_place(cast: Cast, name: str) -> None:
    one, other = resolved(taken(), taken(camera="ridge"))
    assert one.view
    value = {"camera": one.view.camera_id, "view": one.view_id, "in_sequence": one.item.sequence_id}[name]
    client = enter(cast.carl)
    shown = text(client.get(f"{page('curation_media_changelist')}?{name}={value}"))
    assert page("curation_media_change", one.pk) in shown
    assert page("curation_media_change", other.pk) not in shown
    for wrong in ("999", "x", "9" * 30):
        assert client.get(f"{page('curation_media_changelist')}?{name}={wrong}").status_code == 200


def test_what_an_access_does_not_see_has_no_page(cast: Cast) -> None:
    [row] = resolved(taken())
    cast.carl.sees = Sees.OWN
    cast.carl.save()
    client = enter(cast.carl)
    assert client.get(page("curation_view_merge", row.view_id)).status_code == 404
    assert client.get(page("curation_sequence_split", row.item.sequence_id)).status_code == 404
    assert client.post(page("curation_view_undo", row.view_id)).status_code == 404
    assert client.get(page("curation_view_change", row.view_id)).status_code == 302
    assert enter(cast.ada).get(page("curation_view_change", row.view_id)).status_code == 200


def test_nobody_adds_or_deletes_places_by_hand(cast: Cast) -> None:
    [row] = resolved(taken())
    assert row.view
    client = enter(cast.ada)
    for kind, pk in (("camera", row.view.camera_id), ("view", row.view_id), ("sequence", row.item.sequence_id)):
        assert client.get(page(f"curation_{kind}_add")).status_code == 403
        assert client.post(page(f"curation_{kind}_delete", pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("kind", ["camera", "view", "sequence"])
def test_lists_and_pages_cost_the_same_however_many_there_are(cast: Cast, kind: str) -> None:
    client = enter(cast.carl)
    [first] = resolved(taken(0, sequence="fire 7"))
    assert first.view
    one = {"camera": first.view.camera_id, "view": first.view_id, "sequence": first.item.sequence_id}[kind]
    counts = []
    for more in (1, 30):
        resolved(
            *(taken(n, camera=f"mast {more} {n}") for n in range(more)),
            *(taken(n, azimuth=n + more) for n in range(more)),
            *(taken(n, sequence="fire 7") for n in range(more)),
        )  # fmt: skip
        for path in (page(f"curation_{kind}_changelist"), page(f"curation_{kind}_change", one)):
            client.get(path)
            with CaptureQueriesContext(connection) as caught:
                assert client.get(path).status_code == 200
            counts.append(len(caught))
    assert counts[:2] == counts[2:]
    assert Media.objects.count() > 60
