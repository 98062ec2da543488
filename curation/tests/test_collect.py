"""The collector removes what nothing needs, and nothing else (I2, I5, A20, A22, A35, C12, U05)."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import FileField
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import ApiToken, AuditEntry
from accounts.tests.cast import make_access
from curation.actions import annotations as layers
from curation.actions import installation
from curation.actions.alone import NotAlone, one_collector
from curation.actions.check import examine
from curation.actions.collect import collect
from curation.actions.survey import FEW, Alarm
from curation.models import REFERENCES, Annotation, IdempotencyKey, Installation, Media, StoredObject
from curation.storage.errors import StoreUnavailable
from curation.storage.folder import FolderStore
from curation.storage.stores import object_store
from curation.tests import damage
from curation.tests.deeds import (
    DAY,
    NOBODY,
    collect_now,
    delete_long_ago,
    key_of,
    label,
    row_of,
    stored_annotation,
    stored_media,
    upload,
)
from curation.tests.pictures import LABEL, picture

pytestmark = pytest.mark.django_db

State = StoredObject.State
SECOND = timedelta(seconds=1)


@pytest.fixture
def now() -> Iterator[datetime]:
    """Time stands still."""
    moment = timezone.now()
    with time_machine.travel(moment, tick=False):
        yield moment


def unneeded(seed: int = 0) -> str:
    """The key of an object that rows referred to once."""
    media = stored_media(seed)
    key = key_of(media)
    Media.objects.filter(pk=media.pk).update(file="", sha256="", size=None)
    return key


def touched(key: str, moment: datetime) -> None:
    StoredObject.objects.filter(key=key).update(touched_at=moment)


def is_gone(key: str) -> bool:
    assert damage.has(key) == StoredObject.objects.filter(key=key).exists()
    return not damage.has(key)


# --- What goes, and when ---------------------------------------------------------------------------


def test_an_unneeded_object_goes_after_the_grace_and_not_a_second_before(now: datetime, settings: Settings) -> None:
    key = unneeded()

    touched(key, now - settings.COLLECT_GRACE + SECOND)
    assert collect(apply=True, by=NOBODY).collected == 0
    assert not is_gone(key)

    touched(key, now - settings.COLLECT_GRACE)
    size = row_of(key).size
    tally = collect(apply=True, by=NOBODY)
    assert (tally.collected, tally.collected_bytes) == (1, size)
    assert is_gone(key)


def test_counting_changes_nothing() -> None:
    key = unneeded()
    tally = collect(apply=False, grace=timedelta(0), by=NOBODY)
    assert (tally.collected, tally.collected_bytes) == (1, row_of(key).size)
    assert row_of(key).state == State.READY
    assert not is_gone(key)


def test_objects_of_living_rows_are_never_collected() -> None:
    media = stored_media()
    annotation = stored_annotation(media)
    StoredObject.objects.update(touched_at=timezone.now() - 400 * DAY)

    assert collect_now().collected == 0
    assert not is_gone(key_of(media))
    assert not is_gone(key_of(annotation))


def test_shared_bytes_live_as_long_as_one_row_needs_them() -> None:
    media = [stored_media(7) for _ in range(3)]
    key = key_of(media[0])

    for row in media[:2]:
        delete_long_ago(row)
    collect_now()
    assert not is_gone(key)
    assert damage.content_of(key_of(media[2])) == picture(7)

    delete_long_ago(media[2])
    collect_now()
    assert is_gone(key)


def test_held_bytes_stay_until_the_hold_ends(now: datetime) -> None:
    key = unneeded()

    StoredObject.objects.update(hold_until=now + SECOND)
    collect_now()
    assert not is_gone(key)

    StoredObject.objects.update(hold_until=now)
    collect_now()
    assert is_gone(key)


def test_leased_bytes_stay_until_the_lease_ends(now: datetime) -> None:
    key = unneeded()

    StoredObject.objects.update(state=State.WRITING, lease_until=now + SECOND)
    collect_now()
    assert not is_gone(key)

    StoredObject.objects.update(lease_until=now)
    collect_now()
    assert is_gone(key)


def test_a_replaced_file_is_held_for_thirty_days(now: datetime, settings: Settings) -> None:
    media = stored_media(1)
    old = key_of(media)
    upload(media, picture(2))

    assert row_of(old).hold_until == now + settings.DELETED_KEPT
    collect_now()
    assert not is_gone(old)

    StoredObject.objects.filter(key=old).update(hold_until=now)
    collect_now()
    assert is_gone(old)
    assert damage.content_of(key_of(media)) == picture(2)


def test_every_revision_keeps_its_bytes_even_of_a_deleted_annotation() -> None:
    annotation = stored_annotation(stored_media())
    first = key_of(annotation)
    label(annotation, LABEL * 2)
    annotation.refresh_from_db()
    layers.delete(annotation, by=NOBODY)
    Annotation.objects.update(deleted_at=timezone.now() - 400 * DAY)

    assert collect_now().collected == 0
    assert damage.content_of(first) == LABEL


def test_every_column_that_refers_to_an_object_is_known() -> None:
    columns = {
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, FileField) and not model._meta.proxy
    }
    assert columns == set(REFERENCES)


# --- Deleted media ---------------------------------------------------------------------------------


def test_a_deleted_media_gives_up_its_file_after_thirty_days_and_not_a_second_before(
    now: datetime, settings: Settings
) -> None:
    early, late = stored_media(1), stored_media(2)
    keys = key_of(early), key_of(late)
    delete_long_ago(early, ago=settings.DELETED_KEPT)
    delete_long_ago(late, ago=settings.DELETED_KEPT + SECOND)

    tally = collect_now()

    assert (tally.media_freed, tally.collected) == (1, 1)
    assert [is_gone(key) for key in keys] == [False, True]


def test_what_is_left_of_a_freed_media_is_a_tombstone_and_one_line_of_history() -> None:
    media = stored_media()
    key, sha256, size = key_of(media), media.sha256, media.size
    delete_long_ago(media)
    media.refresh_from_db()
    version = media.version

    collect_now()
    collect_now()

    media.refresh_from_db()
    assert (media.file.name, media.sha256, media.size) == ("", "", None)
    assert media.deleted_at is not None
    assert media.version == version + 1
    (entry,) = AuditEntry.objects.filter(action="media.free")
    assert entry.before == {"file": key, "sha256": sha256, "size": size}
    assert (entry.table, entry.row_id, entry.door) == ("media", media.pk, "command")


def test_the_grace_of_a_freed_file_begins_when_it_is_freed(settings: Settings) -> None:
    media = stored_media()
    key = key_of(media)
    delete_long_ago(media)
    touched(key, timezone.now() - 400 * DAY)

    tally = collect(apply=True, by=NOBODY)

    assert (tally.media_freed, tally.collected) == (1, 0)
    assert not is_gone(key)


# --- Runs that were cut short ----------------------------------------------------------------------


def test_a_deletion_cut_short_is_finished_by_the_next_run() -> None:
    before, between = unneeded(1), unneeded(2)
    StoredObject.objects.update(state=State.DELETING)
    damage.take_away(between)  # the object went, the row did not

    tally = collect(apply=True, by=NOBODY)

    assert (tally.finished, tally.collected) == (2, 0)
    assert is_gone(before)
    assert is_gone(between)


@pytest.mark.damages_storage
def test_an_object_that_rows_need_is_not_deleted_even_when_marked() -> None:
    key = key_of(stored_media())
    StoredObject.objects.update(state=State.DELETING)
    assert collect_now().finished == 0
    assert not is_gone(key)


class FailingStore(FolderStore):
    """Stops answering after one removal."""

    removed = 0

    def remove(self, key: str) -> None:
        if self.removed:
            raise StoreUnavailable("The store does not answer.")
        super().remove(key)
        self.removed += 1


def test_a_store_that_fails_in_the_middle_leaves_work_for_the_next_run(settings: Settings) -> None:
    if settings.BUCKET_NAME:
        pytest.skip("Uses a folder.")
    keys = [unneeded(seed) for seed in range(3)]
    usual = settings.STORAGES
    settings.STORAGES = usual | {"default": usual["default"] | {"BACKEND": f"{__name__}.{FailingStore.__qualname__}"}}

    with pytest.raises(StoreUnavailable):
        collect_now()
    assert [is_gone(key) for key in keys].count(True) == 1
    assert examine(full=True).clean

    settings.STORAGES = usual
    assert collect_now().finished == 2
    assert all(map(is_gone, keys))


# --- Objects that the ledger does not know ---------------------------------------------------------


def test_an_unknown_object_goes_only_where_the_store_was_found_empty() -> None:
    installation.remember()
    damage.plant(damage.UNKNOWN_KEY, b"left by a writer that woke up late")

    tally = collect_now()

    assert (tally.unknown, tally.unknown_collected) == (1, 1)
    assert is_gone(damage.UNKNOWN_KEY)


@pytest.mark.damages_storage
def test_an_unknown_object_in_a_store_taken_over_is_reported_and_goes_only_when_told() -> None:
    damage.plant(damage.UNKNOWN_KEY, b"here before we came")
    installation.remember()

    tally = collect_now()
    assert (tally.unknown, tally.unknown_collected) == (1, 0)
    assert damage.has(damage.UNKNOWN_KEY)

    assert collect(apply=False, grace=timedelta(0), unknown=True, by=NOBODY).unknown_collected == 0
    assert damage.has(damage.UNKNOWN_KEY)

    assert collect_now(unknown=True).unknown_collected == 1
    assert is_gone(damage.UNKNOWN_KEY)


@pytest.mark.damages_storage
def test_an_unknown_object_is_left_alone_during_the_grace() -> None:
    installation.remember()
    damage.plant(damage.UNKNOWN_KEY, b"new")
    assert collect(apply=True, by=NOBODY).unknown == 0
    assert damage.has(damage.UNKNOWN_KEY)


@pytest.mark.damages_storage
def test_an_unknown_object_that_a_row_refers_to_is_left_alone() -> None:
    installation.remember()
    key = key_of(stored_media())
    StoredObject.objects.all().delete()
    assert collect_now(unknown=True).unknown_collected == 0
    assert damage.has(key)


@pytest.mark.damages_storage
def test_what_strangers_keep_beside_our_objects_is_left_alone() -> None:
    installation.remember()
    damage.plant("holiday/beach.jpg", b"not ours")
    try:
        tally = collect_now(unknown=True)
        assert (tally.unknown, tally.unknown_collected) == (0, 0)
    finally:
        damage.take_away("holiday/beach.jpg")  # fails when it is gone, on a folder


def test_what_was_found_in_a_store_is_noted_once() -> None:
    assert not installation.found_empty()
    assert installation.remember().found_empty
    stored_media()
    assert installation.remember().found_empty
    assert Installation.objects.count() == 1
    assert installation.found_empty()


def test_a_store_that_held_something_is_noted_as_such() -> None:
    stored_media()
    assert not installation.remember().found_empty
    assert not installation.found_empty()


# --- Writes that were cut short, and what is past its time -----------------------------------------


@pytest.mark.damages_storage
def test_an_unfinished_write_goes_after_the_grace() -> None:
    damage.leave_unfinished()

    assert collect(apply=True, by=NOBODY).unfinished == 0
    assert list(object_store().incomplete())

    assert collect_now().unfinished == 1
    assert not list(object_store().incomplete())


def test_idempotency_keys_and_login_tokens_go_when_their_time_is_over(now: datetime, settings: Settings) -> None:
    access = make_access("ana", "user")
    for index, late in enumerate((timedelta(0), SECOND)):
        IdempotencyKey.objects.create(
            access=access,
            key=str(index),
            fingerprint="f",
            status=200,
            body={},
            created_at=now - settings.IDEMPOTENCY_LIFETIME + late,
        )
        ApiToken.objects.create(
            access=access, kind="login", prefix="p", digest=str(index), expires_at=now + late, name=f"{index}"
        )
    device = ApiToken.objects.create(access=access, kind="device", prefix="p", digest="d", name="d", expires_at=now)

    for apply in (False, True):
        tally = collect(apply=apply, by=NOBODY)
        assert (tally.idempotency_keys, tally.login_tokens) == (1, 1)
    assert IdempotencyKey.objects.get().key == "1"
    assert {token.name for token in ApiToken.objects.all()} == {"1", device.name}


# --- The safety catch ------------------------------------------------------------------------------


def _stock(count: int, *, missing: int) -> None:
    """`count` needed objects, of which some vanished, and one that nothing needs."""
    for seed in range(count):
        key = key_of(stored_media(seed))
        if seed < missing:
            damage.take_away(key)
    unneeded(count)
    StoredObject.objects.update(touched_at=timezone.now() - DAY)


@pytest.mark.damages_storage
def test_ten_missing_objects_are_tolerated_and_eleven_are_not() -> None:
    _stock(FEW + 4, missing=FEW)
    assert collect_now().collected == 1

    damage.take_away(key_of(Media.objects.stored().order_by("pk")[FEW]))
    key = unneeded(99)
    with pytest.raises(Alarm, match=f"{FEW + 1} of {FEW + 4} needed objects are not in the store"):
        collect_now()
    assert not is_gone(key)


@pytest.mark.damages_storage
def test_a_store_without_any_needed_object_is_the_wrong_store() -> None:
    _stock(2, missing=2)
    with pytest.raises(Alarm):
        collect_now()


@pytest.mark.damages_storage
def test_a_prefix_that_vanished_stops_the_collector_until_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    _stock(FEW + 1, missing=FEW + 1)
    needed = [key_of(media) for media in Media.objects.stored()]

    code, sentence = _run("--apply", "--grace", "0", capsys=capsys)
    assert code == 2
    assert "`--despite-missing` goes on without them" in sentence
    assert StoredObject.objects.count() == FEW + 2
    assert {p.key for p in examine(full=False).problems if p.code == "object_missing"} == set(needed)

    assert _run("--apply", "--grace", "0", "--despite-missing", capsys=capsys)[0] == 0
    assert set(StoredObject.objects.values_list("key", flat=True)) == set(needed)


@pytest.mark.damages_storage
def test_going_on_despite_missing_objects_does_not_touch_unknown_ones() -> None:
    """They alarm for another reason: the database is an old copy."""
    installation.remember()
    for number in range(FEW + 1):
        damage.plant(f"media/{number:032x}.jpg", b"newer than the backup")
    with pytest.raises(Alarm, match="11 objects are unknown"):
        collect(apply=True, grace=timedelta(0), despite_missing=True, by=NOBODY)


@pytest.mark.damages_storage
def test_many_unknown_objects_look_like_an_old_database() -> None:
    installation.remember()
    for number in range(FEW + 1):
        damage.plant(f"media/{number:032x}.jpg", b"newer than the backup")

    with pytest.raises(Alarm, match="11 objects are unknown"):
        collect_now()
    assert damage.has(f"media/{0:032x}.jpg")

    assert collect_now(unknown=True).unknown_collected == FEW + 1


@pytest.mark.damages_storage
def test_a_few_unknown_objects_go() -> None:
    installation.remember()
    for number in range(FEW):
        damage.plant(f"media/{number:032x}.jpg", b"late")
    assert collect_now().unknown_collected == FEW


# --- One at a time ---------------------------------------------------------------------------------


def test_a_second_collector_ends_at_once() -> None:
    with one_collector(), pytest.raises(NotAlone, match="Another collector is at work"):
        collect_now()
    collect_now()


def test_counting_needs_nobody_to_wait() -> None:
    with one_collector():
        assert collect(apply=False, by=NOBODY).collected == 0


def test_the_lock_of_a_killed_collector_is_free() -> None:
    reader, writer = os.pipe()
    if (killed := os.fork()) == 0:
        with one_collector():
            os.write(writer, b"alone")
            time.sleep(60)
        os._exit(1)
    try:
        assert os.read(reader, 5) == b"alone"
        with pytest.raises(NotAlone), one_collector():
            pass
    finally:
        os.kill(killed, signal.SIGKILL)
        os.waitpid(killed, 0)
        os.close(reader)
        os.close(writer)
    assert _is_free_within(seconds=5)


def _is_free_within(*, seconds: int) -> bool:
    for _ in range(10 * seconds):
        with suppress(NotAlone), one_collector():
            return True
        time.sleep(0.1)
    return False


# --- The command -----------------------------------------------------------------------------------


def _run(*options: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    try:
        call_command("collect_objects", *options)
    except CommandError as error:
        return error.returncode, str(error)
    return 0, capsys.readouterr().out


def test_the_command_counts_first_and_deletes_when_told(capsys: pytest.CaptureFixture[str]) -> None:
    key = unneeded()

    code, out = _run("--grace", "0", "--json", capsys=capsys)
    assert code == 0
    assert json.loads(out) | {"collected_bytes": 0} == {
        "applied": False,
        "media_freed": 0,
        "finished": 0,
        "collected": 1,
        "collected_bytes": 0,
        "unknown": 0,
        "unknown_collected": 0,
        "unfinished": 0,
        "uploads_expired": 0,
        "uploads_cleared": 0,
        "idempotency_keys": 0,
        "login_tokens": 0,
    }
    assert not is_gone(key)

    code, out = _run("--grace", "0", "--apply", capsys=capsys)
    assert code == 0
    assert "1  objects that nothing needs" in out
    assert is_gone(key)


def test_the_command_waits_for_the_grace_unless_told(capsys: pytest.CaptureFixture[str]) -> None:
    key = unneeded()
    assert json.loads(_run("--apply", "--json", capsys=capsys)[1])["collected"] == 0
    touched(key, datetime(2020, 1, 1, tzinfo=UTC))
    assert json.loads(_run("--apply", "--json", capsys=capsys)[1])["collected"] == 1


@pytest.mark.damages_storage
def test_the_command_says_in_its_exit_code_why_it_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    with one_collector():
        assert _run("--apply", capsys=capsys)[0] == 3
    _stock(1, missing=1)
    code, sentence = _run("--apply", capsys=capsys)
    assert code == 2
    assert sentence.startswith("1 of 1 needed objects are not in the store, so nothing was removed.")
    assert _run("--grace", "-1", capsys=capsys) == (2, "--grace is a number of hours, 0 to 8760.")


def test_every_deletion_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    key = unneeded()
    with caplog.at_level("INFO", logger="curation.actions.collect"):
        collect_now()
    (line,) = caplog.records
    assert (line.getMessage(), getattr(line, "object", "")) == ("An object was deleted.", key)


def test_collecting_asks_no_more_of_the_database_for_more_objects() -> None:
    counts = []
    for number in (1, 20):
        for seed in range(number):
            unneeded(seed)
        with CaptureQueriesContext(connection) as queries:
            collect_now()
        counts.append(len(queries))
    assert counts[0] == counts[1]
