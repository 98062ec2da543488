"""Direct uploads in parts: sent in any order, resumed, joined, read back by a job (C9, C58, B52)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from accounts.refusals import Conflict, Invalid, NotSupported, ScopeRefused
from accounts.tests.cast import Cast, api
from curation.actions import leftovers
from curation.actions.check import examine
from curation.actions.completing import complete_upload
from curation.actions.working import Stopped
from curation.models import Job, Media, StoredObject, Upload
from curation.storage.stores import object_store
from curation.tests.contract.test_direct_uploads import nothing_is_left
from curation.tests.deeds import collect_now, key_of
from curation.tests.senders import MIB, Attempt, asked, begin, complete, follow, movie, put_parts

MOVIE = movie(33 * MIB + 5)  # three parts
SHA256 = hashlib.sha256(MOVIE).hexdigest()


@pytest.fixture(autouse=True)
def _small_limits(settings: Settings) -> None:
    settings.UPLOAD_PUT_MAX_BYTES = settings.UPLOAD_INLINE_MAX_BYTES = 10 * MIB


def run_job() -> Attempt:
    """Do the one job that waits, as a worker would."""
    job = Job.objects.get(kind="complete_upload", state="waiting")
    attempt = Attempt(job.payload)
    complete_upload(attempt)
    Job.objects.filter(pk=job.pk).update(state="done")
    return attempt


def test_a_video_comes_in_three_parts_in_any_order(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, MOVIE, type="video", name="fire.mp4")
    assert (row["parts_count"], row["part_size"], row["put"]) == (3, 16 * MIB, None)
    assert [part["size"] for part in row["parts"]] == [16 * MIB, 16 * MIB, MIB + 5]
    for number in (3, 1, 2):
        put_parts(row, MOVIE, number)

    answer = complete(tower, row)
    assert (answer.status_code, answer.json()["state"]) == (202, "completing")
    assert complete(tower, row).json() == answer.json()
    assert Job.objects.count() == 1
    attempt = run_job()

    assert attempt.seen[-1] == (len(MOVIE), len(MOVIE))
    done = tower.get(f"/uploads/{row['id']}").json()
    assert (done["state"], done["media"]["sha256"], done["media"]["size"]) == ("done", SHA256, len(MOVIE))
    assert complete(tower, row).json() == done["media"]
    media = Media.objects.get()
    assert (media.content_type, media.owner) == ("video/mp4", cast.tower)
    assert object_store().digest(key_of(media)) == (SHA256, len(MOVIE))
    assert leftovers.sweep().cleared == 1
    assert [stat.key for stat in object_store().walk()] == [media.file.name]
    assert not list(object_store().incomplete())
    assert examine(full=True).clean


def test_what_was_lost_on_the_way_is_sent_again(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, MOVIE, type="video")
    put_parts(row, MOVIE, 1, 3)

    answer = complete(tower, row)
    assert (answer.status_code, answer.json()) == (409, {"detail": "1 of 3 parts are missing."})

    shown = tower.get(f"/uploads/{row['id']}").json()
    assert shown["arrived"] == {"parts": 2, "bytes": 17 * MIB + 5}
    assert [part["number"] for part in shown["parts"]] == [2]
    put_parts(shown, MOVIE)
    assert complete(tower, row).status_code == 202
    run_job()
    assert Media.objects.get().sha256 == SHA256


def test_a_part_of_another_size_counts_as_missing(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, MOVIE, type="video")
    put_parts(row, MOVIE, 1, 2)
    assert follow(row["parts"][2]["url"], MOVIE[32 * MIB : -1]) in {200, 400}
    assert complete(tower, row).json() == {"detail": "1 of 3 parts are missing."}
    put_parts(row, MOVIE, 3)
    assert complete(tower, row).status_code == 202


def test_eight_gigabytes_that_never_come_make_no_media(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, MOVIE, type="video", size=8 * 1024 * MIB)
    assert (row["parts_count"], len(row["parts"]), row["next_after"]) == (512, 100, 100)
    put_parts(row, MOVIE, 1)
    assert complete(tower, row).json() == {"detail": "511 of 512 parts are missing."}
    shown = tower.get(f"/uploads/{row['id']}?after=500").json()
    assert [part["number"] for part in shown["parts"]] == list(range(501, 513))
    assert shown["next_after"] is None
    assert tower.get(f"/uploads/{row['id']}?after=x").status_code == 422
    tower.delete(f"/uploads/{row['id']}")
    assert nothing_is_left()
    assert not list(object_store().incomplete())


def test_other_bytes_than_declared_end_the_upload_and_leave_nothing(cast: Cast) -> None:
    tower, other = api(cast.tower), movie(len(MOVIE), seed=1)
    row = begin(tower, MOVIE, type="video")
    put_parts(row, other)
    assert complete(tower, row).status_code == 202
    with pytest.raises(Invalid, match="do not have this digest"):
        run_job()
    shown = tower.get(f"/uploads/{row['id']}").json()
    assert (shown["state"], shown["error"]) == ("refused", "The bytes received do not have this digest.")
    assert not Media.objects.exists()
    assert not StoredObject.objects.exists()
    assert nothing_is_left()


def test_a_large_file_that_is_no_video_is_refused_by_the_job(cast: Cast) -> None:
    tower, content = api(cast.tower), b"\0" * (11 * MIB)
    row = begin(tower, content, type="video")
    put_parts(row, content)
    assert complete(tower, row).status_code == 202
    with pytest.raises(NotSupported):
        run_job()
    assert Upload.objects.get().state == "refused"
    assert nothing_is_left()


def test_a_file_in_parts_may_be_read_back_at_once(cast: Cast, settings: Settings) -> None:
    settings.UPLOAD_INLINE_MAX_BYTES = len(MOVIE)
    tower = api(cast.tower)
    row = begin(tower, MOVIE, type="video")
    put_parts(row, MOVIE)
    answer = complete(tower, row)
    assert (answer.status_code, answer.json()["sha256"]) == (200, SHA256)
    assert not Job.objects.filter(kind="complete_upload").exists()


@pytest.mark.parametrize("more", [0, 1])
def test_the_limits_of_one_put_and_of_reading_back_at_once_are_those_of_the_settings(
    cast: Cast, settings: Settings, more: int
) -> None:
    content = movie(200 + more)
    settings.UPLOAD_PUT_MAX_BYTES = settings.UPLOAD_INLINE_MAX_BYTES = 200
    tower = api(cast.tower)
    row = begin(tower, content, type="video")
    assert (row["put"] is None, row["parts_count"]) == (bool(more), more)
    if more:
        put_parts(row, content)
    else:
        assert follow(row["put"]["url"], content, row["put"]["headers"]) == 200
    assert complete(tower, row).status_code == (202 if more else 200)


def test_parts_that_come_after_the_completion_are_refused(cast: Cast, settings: Settings) -> None:
    settings.UPLOAD_INLINE_MAX_BYTES = len(MOVIE)
    tower = api(cast.tower)
    row = begin(tower, MOVIE, type="video")
    put_parts(row, MOVIE)
    assert complete(tower, row).status_code == 200
    for part in row["parts"]:
        assert follow(part["url"], bytes(part["size"])) == 404
    assert leftovers.sweep().cleared == 1
    assert object_store().digest(key_of(Media.objects.get()))[0] == SHA256


def test_parts_that_come_after_the_cancellation_are_refused_once_it_was_swept(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, MOVIE, type="video")
    put_parts(row, MOVIE, 1)
    tower.delete(f"/uploads/{row['id']}")
    assert leftovers.sweep().cleared == 1
    assert follow(row["parts"][1]["url"], MOVIE[16 * MIB : 32 * MIB]) == 404
    assert not list(object_store().walk())
    assert not list(object_store().incomplete())


def test_parts_that_somebody_cleared_from_the_store_are_sent_anew(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, MOVIE, type="video")
    put_parts(row, MOVIE, 1)
    upload = Upload.objects.get()
    object_store().drop_parts(upload.incoming_key, upload.multipart_id)
    shown = tower.get(f"/uploads/{row['id']}").json()
    assert shown["arrived"] == {"parts": 0, "bytes": 0}
    put_parts(shown, MOVIE)
    assert complete(tower, row).status_code == 202
    run_job()
    assert Media.objects.get().sha256 == SHA256


def test_a_process_that_died_before_it_noted_the_parts_loses_nothing(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, MOVIE, type="video")
    upload = Upload.objects.get()
    object_store().drop_parts(upload.incoming_key, upload.multipart_id)
    Upload.objects.update(multipart_id="")
    put_parts(tower.get(f"/uploads/{row['id']}").json(), MOVIE)
    assert complete(tower, row).status_code == 202


# --- The job ---------------------------------------------------------------------------------------


def completing(cast: Cast) -> Any:
    """A video that waits to be read back."""
    tower = api(cast.tower)
    row = begin(tower, MOVIE, type="video")
    put_parts(row, MOVIE)
    assert complete(tower, row).status_code == 202
    return row


def test_a_job_that_runs_twice_makes_one_media(cast: Cast) -> None:
    row = completing(cast)
    run_job()
    complete_upload(Attempt({"upload": row["id"]}))
    assert Media.objects.count() == 1


@pytest.mark.parametrize("calls", [0, 5, 20])
def test_a_job_that_is_stopped_leaves_nothing_and_can_be_tried_again(cast: Cast, calls: int) -> None:
    row = completing(cast)
    with pytest.raises(Stopped):
        complete_upload(Attempt({"upload": row["id"]}, stop_after=calls))
    assert not Media.objects.exists()
    assert examine(full=True).clean
    run_job()
    assert Media.objects.get().sha256 == SHA256


def test_completing_again_puts_the_job_again_when_it_died(cast: Cast) -> None:
    row = completing(cast)
    Job.objects.update(state="dead")
    assert complete(api(cast.tower), row).status_code == 202
    run_job()
    assert Media.objects.count() == 1


def test_an_upload_that_was_cancelled_meanwhile_makes_no_media(cast: Cast) -> None:
    row = completing(cast)
    assert api(cast.tower).delete(f"/uploads/{row['id']}").status_code == 200
    run_job()
    assert nothing_is_left()


def test_who_was_switched_off_meanwhile_gets_no_media(cast: Cast) -> None:
    completing(cast)
    cast.tower.is_active = False
    cast.tower.save(update_fields=["is_active"])
    with pytest.raises(ScopeRefused):
        run_job()
    assert Upload.objects.get().state == "refused"
    assert nothing_is_left()


def test_a_media_that_was_deleted_meanwhile_is_not_filled(cast: Cast) -> None:
    tower = api(cast.tower)
    media_id = tower.post("/media", {"type": "video"}, format="json").json()["id"]
    row = begin(tower, MOVIE, type="video", media=media_id)
    put_parts(row, MOVIE)
    complete(tower, row)
    assert api(cast.ada).delete(f"/media/{media_id}").status_code == 200
    with pytest.raises(Exception, match=r"can't read|no entry"):
        run_job()
    assert Upload.objects.get().state == "refused"
    assert nothing_is_left()


# --- The collector and the check -------------------------------------------------------------------


def test_what_is_under_way_is_neither_collected_nor_a_damage(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, MOVIE, type="video")
    put_parts(row, MOVIE, 1, 2)
    assert examine(full=True).clean
    tally = collect_now(unknown=True)
    assert (tally.collected, tally.unknown, tally.unfinished, tally.uploads_cleared) == (0, 0, 0, 0)
    put_parts(row, MOVIE, 3)
    assert complete(tower, row).status_code == 202
    run_job()
    assert collect_now(unknown=True).uploads_cleared == 1
    assert examine(full=True).clean


def test_an_abandoned_upload_is_collected(cast: Cast) -> None:
    row = begin(api(cast.tower), MOVIE, type="video")
    put_parts(row, MOVIE, 1)
    Upload.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    tally = collect_now()
    assert (tally.uploads_expired, tally.uploads_cleared) == (1, 1)
    assert not list(object_store().walk())
    assert not list(object_store().incomplete())
    assert collect_now().uploads_cleared == 0


def test_one_that_a_job_is_about_to_read_back_does_not_expire(cast: Cast) -> None:
    completing(cast)
    Upload.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert leftovers.sweep().expired == 0
    Job.objects.update(state="dead")
    assert leftovers.sweep().expired == 1
    assert nothing_is_left()


def test_a_job_whose_file_is_gone_says_so(cast: Cast) -> None:
    completing(cast)
    upload = Upload.objects.get()
    object_store().drop_parts(upload.incoming_key, upload.multipart_id)
    with pytest.raises(Conflict, match="3 of 3 parts are missing"):
        run_job()
    assert nothing_is_left()


def test_the_size_of_parts_grows_with_the_file(cast: Cast, settings: Settings) -> None:
    settings.VIDEO_MAX_BYTES = 2**50
    tower = api(cast.tower)
    largest = 10_000 * 16 * MIB
    for size, part_size, count in ((largest, 16 * MIB, 10_000), (largest + 1, 17 * MIB, 9412)):
        body = asked(b"x", size=size, type="video")
        row = tower.post("/uploads", body, format="json").json()
        assert (row["part_size"], row["parts_count"]) == (part_size, count)
