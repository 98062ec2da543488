"""Direct uploads as curators see them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Access, AuditEntry
from accounts.tests.cast import Cast, api
from accounts.tests.test_admin import enter, page, text
from curation.models import Upload
from curation.tests.pictures import picture
from curation.tests.senders import begin, complete, put, sent

LIST = "curation_upload_changelist"


def begun(access: Access, seed: int = 1, **fields: Any) -> Upload:
    return Upload.objects.get(pk=begin(api(access), picture(seed), **fields)["id"])


def table(access: Access, query: dict[str, str] | None = None) -> str:
    return text(enter(access).get(page(LIST), query or {})).split('id="content"')[1]


def test_the_list_shows_whose_they_are_how_old_and_how_far(cast: Cast) -> None:
    begun(cast.tower, name="ridge 7.jpg")
    begun(cast.other_tower, 2, name="valley.jpg")
    Upload.objects.filter(owner=cast.tower).update(created_at=timezone.now() - timedelta(hours=3))
    Upload.objects.filter(owner=cast.other_tower).update(expires_at=timezone.now())
    shown = table(cast.carl)
    for words in ("ridge 7.jpg", "tower-1", "3 h", "Open", "valley.jpg", "tower-2", "Expired"):
        assert words in shown


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "open"}, {"a.jpg"}), ({"state": "refused"}, {"b.jpg"}), ({"state": "x"}, {"a.jpg", "b.jpg"}),
        ({"q": "TOWER-1"}, {"a.jpg"}), ({"q": "nobody"}, set()),
    ],
)  # fmt: skip
def test_they_are_found_by_state_and_owner(cast: Cast, query: dict[str, str], found: set[str]) -> None:
    begun(cast.tower, name="a.jpg")
    sent(api(cast.other_tower), b"no picture", name="b.jpg")
    shown = table(cast.carl, query)
    assert {name for name in ("a.jpg", "b.jpg") if name in shown} == found


def test_a_page_tells_why_one_was_refused_and_what_came_of_another(cast: Cast) -> None:
    sent(api(cast.tower), b"no picture")
    sent(api(cast.tower), picture(1))
    refused, done = Upload.objects.order_by("pk")
    client = enter(cast.carl)
    assert refused.error in text(client.get(page("curation_upload_change", refused.pk)))
    shown = text(client.get(page("curation_upload_change", done.pk)))
    assert page("curation_media_change", done.media_id) in shown
    assert "by one PUT" in shown
    assert "Cancel this upload" not in shown


def test_a_curator_cancels_one_and_history_says_who(cast: Cast) -> None:
    upload, client = begun(cast.tower), enter(cast.carl)
    assert "Cancel this upload" in text(client.get(page("curation_upload_change", upload.pk)))
    answer = text(client.post(page("curation_upload_cancel", upload.pk), follow=True))
    assert "Cancelled; what has arrived is deleted." in answer
    assert "upload.cancel" in answer
    upload.refresh_from_db()
    assert upload.state == "cancelled"
    entry = AuditEntry.objects.get(table="upload")
    assert (entry.actor, entry.door, entry.after) == (cast.carl, "admin", {"state": "cancelled"})
    client.post(page("curation_upload_cancel", upload.pk))
    assert AuditEntry.objects.filter(table="upload").count() == 1


def test_one_that_is_complete_is_not_cancelled(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, picture(1))
    put(row, picture(1))
    complete(tower, row)
    answer = enter(cast.carl).post(page("curation_upload_cancel", row["id"]), follow=True)
    assert "This upload is complete; delete the media instead." in text(answer)


def test_several_are_cancelled_from_the_list(cast: Cast) -> None:
    made = [begun(cast.tower, 1), begun(cast.tower, 2)]
    sent(api(cast.tower), picture(3))
    form = {"action": "cancel_chosen", "_selected_action": [row.pk for row in Upload.objects.all()]}
    answer = text(enter(cast.carl).post(page(LIST), form, follow=True))
    assert "2 cancelled." in answer
    assert "1 not: This upload is complete" in answer
    assert {Upload.objects.get(pk=row.pk).state for row in made} == {"cancelled"}


def test_who_may_not_decides_nothing(cast: Cast) -> None:
    upload = begun(cast.tower)
    for access in (cast.ana, cast.tower, cast.olga):
        assert enter(access).get(page(LIST)).status_code == 302
        assert enter(access).post(page("curation_upload_cancel", upload.pk)).status_code == 302
    client = enter(cast.ada)
    assert client.get(page("curation_upload_cancel", upload.pk)).status_code == 405
    assert client.post(page("curation_upload_add"), {}).status_code == 403
    for verb in ("change", "delete"):
        answer = client.post(page(f"curation_upload_{verb}", upload.pk), {"state": "done", "post": "yes"})
        assert answer.status_code == 403
    assert Upload.objects.get().state == "open"


def test_a_curator_who_does_not_see_everything_has_only_their_own(cast: Cast) -> None:
    Access.objects.filter(pk=cast.carl.pk).update(sees="own")
    own, other = begun(cast.carl, 1, name="own.jpg"), begun(cast.tower, 2, name="other.jpg")
    shown = table(cast.carl)
    assert own.name in shown
    assert other.name not in shown
    assert enter(cast.carl).post(page("curation_upload_cancel", other.pk)).status_code == 404


def test_the_list_asks_as_often_for_many_as_for_few(cast: Cast) -> None:
    counts, client = [], enter(cast.carl)
    for number in (1, 10):
        for seed in range(number):
            begun(cast.tower, seed)
        client.get(page(LIST))
        with CaptureQueriesContext(connection) as queries:
            client.get(page(LIST))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8
