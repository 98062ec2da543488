"""How bytes become a row, when something goes wrong at each step (I3, I4, I6, C6, C10, C32)."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AuditEntry
from accounts.refusals import Busy, Conflict, Full, NotFound, Refusal
from curation.actions import entries, media
from curation.actions.check import examine
from curation.actions.checking.report import Code
from curation.actions.objects import Content, write
from curation.models import Annotation, AnnotationRevision, Media, StoredObject
from curation.storage.errors import ChecksumRefused, DiskFull, StoreError, StoreUnavailable
from curation.tests import damage
from curation.tests.deeds import (
    NOBODY,
    collect_now,
    key_of,
    label,
    row_of,
    spooled,
    stored_annotation,
    stored_media,
    upload,
)
from curation.tests.pictures import LABEL, picture
from curation.tests.stage import Cue, fail, on_stage, once

pytestmark = pytest.mark.django_db

State = StoredObject.State


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def cues(settings: Settings) -> dict[str, Cue]:
    return on_stage(settings)


def only_object_is(key: str) -> None:
    """After a collection nothing is left but the object of `key`."""
    StoredObject.objects.update(hold_until=None)
    collect_now()
    assert [row.key for row in StoredObject.objects.all()] == [key]
    report = examine(full=True)
    assert report.clean
    assert report.checked["objects"] == 1


def test_the_same_content_twice_is_one_object_and_put_once() -> None:
    with spooled(picture()) as first, spooled(picture()) as second:
        claims = write([Content("media/" + "a" * 32 + ".jpg", each, "image/jpeg") for each in (first, second)])
    assert [claim.written for claim in claims] == [True]


# --- The store fails -------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before put", "after put"])
@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (StoreUnavailable("The store does not answer."), Busy),
        (ChecksumRefused("Other bytes arrived."), Busy),
        (DiskFull("The disk is full."), Full),
    ],
)
def test_a_failed_write_leaves_nothing_visible_and_the_old_file_readable(
    cues: dict[str, Cue], moment: str, error: StoreError, refusal: type[Refusal]
) -> None:
    row = stored_media(1)
    old, version = key_of(row), row.version
    cues[moment] = fail(error)

    with pytest.raises(refusal):
        upload(row, picture(2))

    cues.clear()
    row.refresh_from_db()
    assert (row.file.name, row.version) == (old, version)
    assert damage.content_of(old) == picture(1)
    assert AuditEntry.objects.filter(action="media.upload").count() == 1
    assert examine(full=True).clean
    only_object_is(old)


def test_the_retry_after_a_failed_write_succeeds_without_waiting_for_the_lease(cues: dict[str, Cue]) -> None:
    row = media.create(by=NOBODY)
    cues["after put"] = once(fail(StoreUnavailable("The answer was lost.")))
    with pytest.raises(Busy):
        upload(row, picture(1))

    upload(row, picture(1))

    assert damage.content_of(key_of(row)) == picture(1)
    assert row_of(key_of(row)).state == State.READY


def test_a_failed_write_of_a_revision_leaves_the_current_one(cues: dict[str, Cue]) -> None:
    annotation = stored_annotation(stored_media())
    first = key_of(annotation)
    cues["before put"] = fail(StoreUnavailable("The store does not answer."))

    with pytest.raises(Busy):
        label(annotation, LABEL * 2)

    assert key_of(annotation) == first
    assert AnnotationRevision.objects.count() == 1


@pytest.mark.parametrize("prefix", ["media/", "annotations/"])
def test_an_entry_is_there_with_both_files_or_not_at_all(cues: dict[str, Cue], prefix: str) -> None:
    def break_one(key: str) -> None:
        if key.startswith(prefix):
            raise StoreUnavailable("The store does not answer.")

    cues["before put"] = break_one
    with spooled(picture(1)) as one, spooled(LABEL) as other, pytest.raises(Busy):
        entries.create(one, other, type="image", name="a.jpg", by=NOBODY, keep=lambda entry: None)

    assert not Media.objects.exists()
    assert not Annotation.objects.exists()
    assert not AuditEntry.objects.exists()
    collect_now()
    assert examine(full=True).checked["objects"] == 0


@pytest.mark.parametrize("moment", ["before put", "after put"])
def test_a_killed_writer_leaves_a_lease_that_runs_out_and_is_collected(cues: dict[str, Cue], moment: str) -> None:
    row = stored_media(1)
    old = key_of(row)
    cues[moment] = fail(Killed())
    with pytest.raises(Killed):
        upload(row, picture(2))
    cues.clear()

    left = StoredObject.objects.exclude(key=old).get()
    assert left.state == State.WRITING
    collect_now()
    assert StoredObject.objects.filter(pk=left.pk).exists()  # for all we know the writer is still at work
    assert examine(full=True).clean

    StoredObject.objects.filter(pk=left.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert [problem.code for problem in examine(full=True).problems] == [Code.STALE_LEASE]
    only_object_is(old)


# --- Others are faster -----------------------------------------------------------------------------


def test_a_commit_that_is_refused_leaves_its_object_to_the_collector(cues: dict[str, Cue]) -> None:
    row = stored_media(1)

    def be_faster(key: str) -> None:
        upload(Media.objects.get(pk=row.pk), picture(3))

    cues["after put"] = once(be_faster)
    with pytest.raises(Conflict):
        upload(row, picture(2))

    winner = key_of(row)
    assert damage.content_of(winner) == picture(3)
    assert AuditEntry.objects.filter(action="media.upload").count() == row.version - 1 == 2
    only_object_is(winner)


def test_an_upload_to_a_media_deleted_meanwhile_leaves_nothing(cues: dict[str, Cue]) -> None:
    row = media.create(by=NOBODY)
    cues["after put"] = lambda key: media.delete(Media.objects.get(pk=row.pk), by=NOBODY)
    with pytest.raises(NotFound):
        upload(row, picture(1))
    collect_now()
    assert not StoredObject.objects.exists()
    assert examine(full=True).checked["objects"] == 0


def _collect_under_the_writer(key: str) -> None:
    """As if the writer had been away until its lease was over."""
    StoredObject.objects.filter(key=key).update(lease_until=timezone.now())
    assert collect_now().collected == 1
    assert not damage.has(key)


def test_when_the_collector_comes_between_write_and_commit_the_writer_begins_again(cues: dict[str, Cue]) -> None:
    row = media.create(by=NOBODY)
    cues["after put"] = once(_collect_under_the_writer)

    upload(row, picture(1))

    assert damage.content_of(key_of(row)) == picture(1)
    assert AuditEntry.objects.filter(action="media.upload").count() == 1
    only_object_is(key_of(row))


def test_when_the_collector_comes_between_every_time_the_writer_gives_up(cues: dict[str, Cue]) -> None:
    row = media.create(by=NOBODY)
    cues["after put"] = _collect_under_the_writer
    with pytest.raises(Busy):
        upload(row, picture(1))
    row.refresh_from_db()
    assert not row.file
    assert not StoredObject.objects.exists()


def test_when_the_collector_takes_a_shared_object_before_the_commit_it_is_written_again(cues: dict[str, Cue]) -> None:
    """The object was there, unneeded; the annotation's write gives the collector its moment."""
    spare = stored_media(1)
    key = key_of(spare)
    Media.objects.update(file="", sha256="", size=None)
    cues["after put"] = once(lambda _: _collect_under_the_writer(key))

    with spooled(picture(1)) as one, spooled(LABEL) as other:
        entry = entries.create(one, other, type="image", name="a.jpg", by=NOBODY, keep=lambda entry: None)

    assert damage.content_of(key_of(entry[0])) == picture(1)
    assert damage.content_of(key_of(entry[1])) == LABEL


def test_an_upload_of_content_that_is_being_deleted_is_busy() -> None:
    row = media.create(by=NOBODY)
    with spooled(picture(1)) as received:
        sha256, size = received.sha256, received.size
    key = f"media/{sha256[:32]}.jpg"
    StoredObject.objects.create(key=key, sha256=sha256, size=size, state=State.DELETING)

    with pytest.raises(Busy, match="being deleted") as busy:
        upload(row, picture(1))

    assert busy.value.retry_after == 2
    collect_now()
    upload(row, picture(1))
    assert damage.content_of(key) == picture(1)


@pytest.mark.django_db(transaction=True)
def test_an_upload_waits_for_a_deletion_that_ends_soon(cues: dict[str, Cue]) -> None:
    key = key_of(stored_media(1))
    Media.objects.update(file="", sha256="", size=None)
    deleting = threading.Event()

    def take_a_while(_: str) -> None:
        deleting.set()
        time.sleep(0.4)

    def collector() -> None:
        try:
            collect_now()
        finally:
            connections.close_all()

    cues["before remove"] = take_a_while
    thread = threading.Thread(target=collector)
    thread.start()
    assert deleting.wait(10)
    row = upload(media.create(by=NOBODY), picture(1))
    thread.join()

    assert damage.content_of(key) == picture(1)
    only_object_is(key_of(row))


@pytest.mark.damages_storage
def test_other_content_under_the_same_key_is_refused() -> None:
    key = key_of(stored_media(1))
    StoredObject.objects.update(sha256=key[6:38] + "0" * 32)
    with pytest.raises(Conflict, match="Other content"):
        upload(media.create(by=NOBODY), picture(1))
    assert damage.content_of(key) == picture(1)


# --- What is there already -------------------------------------------------------------------------


def test_an_object_that_is_there_is_not_written_again(cues: dict[str, Cue]) -> None:
    stored_media(1)
    cues["before put"] = fail(AssertionError("Nothing is to be written."))
    assert damage.content_of(key_of(stored_media(1))) == picture(1)


def test_the_same_bytes_again_change_nothing() -> None:
    row = stored_media(1)
    version = row.version
    upload(row, picture(1))
    row.refresh_from_db()
    assert row.version == version
    assert AuditEntry.objects.filter(action="media.upload").count() == 1


@pytest.mark.parametrize("state", [State.MISSING, State.DAMAGED])
def test_the_same_bytes_again_heal_what_is_recorded_as_lost(state: str) -> None:
    row = stored_media(1)
    key = key_of(row)
    damage.take_away(key)
    StoredObject.objects.update(state=state, verified_at=None)

    upload(row, picture(1))

    assert damage.content_of(key) == picture(1)
    assert row_of(key).state == State.READY
    assert row_of(key).verified_at is not None
    row.refresh_from_db()
    assert row.version == 2


def test_a_failed_healing_leaves_what_was_recorded(cues: dict[str, Cue]) -> None:
    row = stored_media(1)
    StoredObject.objects.update(state=State.DAMAGED)
    cues["before put"] = fail(StoreUnavailable("The store does not answer."))
    with pytest.raises(Busy):
        upload(row, picture(1))
    assert row_of(key_of(row)).state == State.DAMAGED
    cues.clear()
    upload(row, picture(1))
