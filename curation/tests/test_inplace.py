"""Direct uploads that stay where the client wrote them (`curation.actions.inplace`): with a bucket as the store."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db.models import F
from pytest_django import Settings

from accounts.models import Access
from accounts.refusals import ScopeRefused
from accounts.tests.cast import Cast, api
from curation.actions import completing, inplace, leftovers
from curation.actions.check import examine
from curation.actions.completing import complete_upload
from curation.actions.importing.asked import Asked
from curation.models import Media, StoredObject, Upload
from curation.storage.bucket import BucketStore
from curation.storage.keys import media_key
from curation.storage.stores import object_store
from curation.tests.contract.helpers import announce, stored
from curation.tests.contract.helpers import upload as upload_file
from curation.tests.deeds import actor, collect_now, key_of, row_of
from curation.tests.importing.helpers import fill, take
from curation.tests.pictures import picture
from curation.tests.senders import Attempt, begin, complete, put, sent

pytestmark = pytest.mark.skipif(not isinstance(object_store(), BucketStore), reason="a folder moves files")

IN_TIME = timedelta(hours=3)  # every link is dead
State = StoredObject.State


def swept(after: timedelta = IN_TIME) -> None:
    leftovers.sweep(now=datetime.now(UTC) + after)
    collect_now()


def keys() -> set[str]:
    return {stat.key for stat in object_store().walk()}


def test_a_picture_stays_where_the_client_wrote_it(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, picture(1))
    upload = Upload.objects.get()
    assert row["put"]["headers"]["content-type"] == "image/jpeg"
    assert row_of(upload.incoming_key).state == State.WRITING
    assert examine(full=True).clean
    put(row, picture(1))
    assert complete(tower, row).status_code == 200
    assert keys() == {upload.incoming_key} == {key_of(Media.objects.get())}
    settled = row_of(upload.incoming_key)
    assert (settled.state, settled.lease_until, settled.sha256) == (State.READY, None, row["sha256"])
    assert settled.verified_at
    swept()
    assert keys() == {upload.incoming_key}
    assert Upload.objects.get().cleared_at


@pytest.mark.parametrize("name", ["ridge.png", "ridge", "", "ridge.mp4", ".jpg.exe"])
def test_a_name_that_does_not_tell_the_type_costs_a_copy_and_nothing_else(cast: Cast, name: str) -> None:
    tower = api(cast.tower)
    answer = sent(tower, picture(1), name=name)
    assert answer.status_code == 200
    assert key_of(Media.objects.get()) == media_key(answer.json()["sha256"], "jpg")
    swept()
    assert keys() == {key_of(Media.objects.get())}


def test_the_spelling_of_an_extension_does_not_matter(cast: Cast) -> None:
    sent(api(cast.tower), picture(1), name="ridge.JPEG")
    assert key_of(Media.objects.get()) == Upload.objects.get().incoming_key


def test_bytes_that_others_sent_are_not_had_for_their_digest(cast: Cast) -> None:
    sent(api(cast.tower), picture(1))
    stranger = api(cast.other_tower)
    row = begin(stranger, picture(1))
    assert stranger.get(f"/uploads/{row['id']}").json()["arrived"] == {"parts": 0, "bytes": 0}
    assert complete(stranger, row).status_code == 409
    put(row, picture(1))
    assert complete(stranger, row).status_code == 200
    assert StoredObject.objects.count() == 2


@pytest.mark.parametrize("end", ["cancelled", "expired", "refused"])
def test_what_ended_otherwise_goes_once_its_links_are_dead(cast: Cast, end: str) -> None:
    tower, content = api(cast.tower), b"no picture" if end == "refused" else picture(1)
    row = begin(tower, content)
    put(row, content)
    if end == "cancelled":
        tower.delete(f"/uploads/{row['id']}")
    elif end == "refused":
        assert complete(tower, row).status_code == 415
    else:
        Upload.objects.update(expires_at=datetime.now(UTC))
    swept(timedelta(0))
    assert len(keys()) == 1, "a link may still write it"
    assert examine(full=True).clean
    Upload.objects.filter(finished_at__isnull=False).update(finished_at=F("finished_at") - IN_TIME)
    swept(timedelta(0))
    assert keys() == set()
    assert not StoredObject.objects.exists()
    assert Upload.objects.get().state == end


def test_the_collector_leaves_an_upload_alone_as_long_as_it_is_asked_for(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, picture(1))
    put(row, picture(1))
    for _ in range(2):  # each time a day has passed
        Upload.objects.update(expires_at=F("expires_at") - timedelta(hours=23))
        StoredObject.objects.update(lease_until=datetime.now(UTC))
        tower.get(f"/uploads/{row['id']}")
        lease = row_of(Upload.objects.get().incoming_key).lease_until
        assert lease == Upload.objects.get().expires_at + inplace.LONGER
        swept(timedelta(0))
        assert examine(full=True).clean
    assert complete(tower, row).status_code == 200


def test_an_upload_whose_ledger_row_was_lost_is_stored_anew(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, picture(1))
    put(row, picture(1))
    StoredObject.objects.all().delete()
    assert complete(tower, row).status_code == 200
    assert key_of(Media.objects.get()) == media_key(row["sha256"], "jpg")
    collect_now(unknown=True)


def test_a_late_put_writes_the_same_bytes_and_nothing_else(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, picture(1))
    put(row, picture(1))
    complete(tower, row)
    assert put(row, picture(2)) in {400, 403}
    assert put(row, picture(1)) == 200
    assert object_store().digest(key_of(Media.objects.get()))[0] == row["sha256"]


def test_a_media_that_has_the_bytes_already_keeps_its_object(cast: Cast) -> None:
    tower = api(cast.tower)
    media_id = stored(tower, picture(1))
    before = key_of(Media.objects.get())
    StoredObject.objects.update(state=State.MISSING)  # so that they travel again
    object_store().remove(before)
    assert sent(tower, picture(1), media=media_id).status_code == 200
    assert key_of(Media.objects.get()) == before
    assert row_of(before).state == State.READY
    swept()
    assert keys() == {before}


@pytest.mark.parametrize("many", [False, True])
def test_bytes_that_the_store_has_lost_come_back_to_whoever_had_them(cast: Cast, many: bool) -> None:
    tower = api(cast.tower)
    sent(tower, picture(1))
    lost = key_of(Media.objects.get())
    object_store().remove(lost)
    StoredObject.objects.update(state=State.MISSING)
    stranger = api(cast.other_tower)
    rows = [begin(stranger, picture(n)) for n in (1, 2)]
    for n, row in enumerate(rows, 1):
        put(row, picture(n))
    if many:
        stranger.post("/uploads/batch/complete", {"ids": [row["id"] for row in rows]}, format="json")
    else:
        assert {complete(stranger, row).status_code for row in rows} == {200}
    assert row_of(lost).state == State.READY
    assert object_store().digest(lost)[0] == rows[0]["sha256"]


def test_the_same_bytes_sent_again_to_a_media_heal_it(cast: Cast) -> None:
    tower = api(cast.tower)
    media = sent(tower, picture(1)).json()
    lost = key_of(Media.objects.get())
    object_store().remove(lost)
    StoredObject.objects.update(state=State.MISSING)
    assert upload_file(tower, f"/media/{media['id']}", picture(1)).status_code == 200
    assert row_of(lost).state == State.READY
    assert keys() == {lost}


def test_a_job_leaves_a_large_one_where_it_is(cast: Cast, settings: Settings) -> None:
    tower = api(cast.tower)
    settings.UPLOAD_INLINE_MAX_BYTES = 0
    row = begin(tower, picture(1))
    put(row, picture(1))
    assert complete(tower, row).status_code == 202
    complete_upload(Attempt({"upload": row["id"]}))
    assert keys() == {key_of(Media.objects.get())} == {Upload.objects.get().incoming_key}


def test_an_announced_media_is_filled_where_it_lies(cast: Cast) -> None:
    tower = api(cast.tower)
    media_id = announce(tower)
    assert sent(tower, picture(1), media=media_id).status_code == 200
    first = key_of(Media.objects.get())
    assert sent(tower, picture(2), media=media_id).status_code == 200
    second = key_of(Media.objects.get())
    assert first != second
    assert row_of(first).hold_until


def test_a_refused_commit_leaves_the_upload_as_it_was(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, picture(1))
    put(row, picture(1))
    upload = Upload.objects.get()
    for is_active in (False, True):
        Access.objects.filter(pk=cast.tower.pk).update(is_active=is_active)
        with nullcontext() if is_active else pytest.raises(ScopeRefused):
            completing.complete(upload, by=actor(cast.tower))
        assert row_of(upload.incoming_key).state == (State.READY if is_active else State.WRITING)
    assert keys() == {upload.incoming_key}


def test_an_import_of_the_same_picture_shares_the_object_of_its_organisation(cast: Cast, tmp_path: Path) -> None:
    sent(api(cast.tower), picture(1))
    folder = fill(tmp_path, {"same.jpg": picture(1)})
    take(folder, Asked(actor(cast.tower), organisation_id=cast.tower.organisation_id))
    take(folder, Asked(actor(cast.other_tower), organisation_id=cast.other_tower.organisation_id))
    own, shared, foreign = (key_of(row) for row in Media.objects.order_by("pk"))
    assert own == shared != foreign


def test_keys_are_guessed_from_names_alone() -> None:
    digest = "ab" * 32
    assert inplace.key_of(digest, "a.JPG", "image").startswith(f"media/{digest[:32]}.")
    assert inplace.key_of(digest, "a.jpg", "image") != inplace.key_of(digest, "a.jpg", "image")
    assert inplace.key_of(digest, "a.mov", "video").endswith(".mov")
    for name, kind in (("a.jpg", "video"), ("a.mov", "image"), ("a.txt", "image"), ("jpg", "image"), ("", "image")):
        assert inplace.key_of(digest, name, kind) == ""
