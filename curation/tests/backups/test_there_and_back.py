"""What was backed up comes back elsewhere, whole; and the check tells exactly what two moments differ in (C54)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, connections
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.scopes import Scope
from accounts.tests.cast import make_access
from curation.actions import installation
from curation.actions.backups.backup import backup
from curation.actions.backups.folder import About
from curation.actions.backups.objects import BESIDE
from curation.actions.check import no_progress
from curation.models import AnnotationRevision, Job, Media, StoredObject, Upload
from curation.storage.bucket import BucketStore
from curation.storage.folder import FolderStore
from curation.storage.keys import own_media_key
from curation.tests import damage
from curation.tests.backups.conftest import Elsewhere
from curation.tests.deeds import key_of, stored_annotation, stored_media

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]  # manage.py starts many times


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backup"


def back_up(folder: Path, where: str = BESIDE) -> About:
    return backup(folder, where=where, progress=no_progress)


def some_rows() -> list[str]:
    """Three pictures, one of them with an annotation; the keys of all objects."""
    installation.remember()
    media = [stored_media(seed) for seed in range(3)]
    stored_annotation(media[1])
    return sorted(StoredObject.objects.values_list("key", flat=True))


def test_what_was_backed_up_is_whole_elsewhere(folder: Path, elsewhere: Elsewhere) -> None:
    keys = some_rows()
    about = back_up(folder)
    assert about.ledger_rows == len(keys) == 4

    done = elsewhere.manage("restore", str(folder), "--json")

    assert (done.code, done.answer["objects_copied"]) == (0, 4), done.err
    answer = elsewhere.check()
    assert answer["clean"], answer
    assert answer["checked"]["objects"] == answer["checked"]["ledger_rows"] == 4
    assert elsewhere.keys() == set(keys)
    for table, count in {
        "curation_media": 3,
        "curation_annotationrevision": AnnotationRevision.objects.count(),
        "accounts_auditentry": AuditEntry.objects.count(),
    }.items():
        assert elsewhere.rows(f"SELECT count(*) FROM {table}") == [(count,)]


def test_new_rows_get_new_ids_after_a_restore(folder: Path, elsewhere: Elsewhere) -> None:
    some_rows()
    back_up(folder)
    elsewhere.manage("restore", str(folder))
    last = elsewhere.rows("SELECT max(id) FROM accounts_auditentry")[0][0]

    elsewhere.run("from accounts.actions.first_admin import ensure_first_admin; ensure_first_admin()")
    (made,) = elsewhere.rows(f"SELECT count(*) FROM accounts_auditentry WHERE id > {last}")[0]
    assert made > 0
    assert elsewhere.check()["clean"]


def test_a_second_backup_copies_only_what_is_new(folder: Path, elsewhere: Elsewhere) -> None:
    some_rows()
    first = back_up(folder)
    objects = FolderStore(folder / "objects")
    before = {stat.key: stat.modified for stat in objects.walk()}
    new = key_of(stored_media(9))
    second = _a_second_later(folder, first)

    after = {stat.key: stat.modified for stat in objects.walk()}
    assert set(after) - set(before) == {new}
    assert {key: after[key] for key in before} == before

    assert elsewhere.manage("restore", str(folder), "--name", first.name, "--json").answer["objects_copied"] == 4
    answer = elsewhere.check()
    assert (answer["clean"], answer["checked"]["objects"]) == (True, 4)
    again = elsewhere.manage("restore", str(folder), "--replace", "--json")
    assert again.code == 2  # what was met is not what the backup met: its store has another name
    assert second.ledger_rows == 5


def _a_second_later(folder: Path, before: About) -> About:
    while f"{timezone.now():%Y%m%dT%H%M%SZ}" <= before.name:
        threading.Event().wait(0.05)
    return back_up(folder)


def test_objects_may_go_to_another_bucket(folder: Path, elsewhere: Elsewhere) -> None:
    if not isinstance(elsewhere.store, BucketStore):
        pytest.skip("Needs an S3 server.")
    keys, bucket = some_rows(), f"{elsewhere.store.bucket_name}-kept"
    elsewhere.store._s3.create_bucket(Bucket=bucket)

    about = back_up(folder, where=f"s3://{bucket}")

    assert about.objects_at == f"s3://{bucket}"
    assert not (folder / "objects").exists()
    done = elsewhere.manage("restore", str(folder), "--json")
    assert (done.code, elsewhere.keys()) == (0, set(keys)), done.err
    assert elsewhere.check()["clean"]


# --- Two moments -----------------------------------------------------------------------------------


def test_a_database_newer_than_the_bucket_lacks_exactly_what_came_between(folder: Path, elsewhere: Elsewhere) -> None:
    some_rows()
    first = back_up(folder)
    new = {key_of(stored_media(seed)) for seed in (7, 8)}
    second = _a_second_later(folder, first)

    assert elsewhere.manage("restore", str(folder), "--name", first.name, "--no-database").code == 0
    assert elsewhere.manage("restore", str(folder), "--name", second.name, "--no-objects").code == 0

    answer = elsewhere.check()
    assert {(problem["code"], problem["key"]) for problem in answer["problems"]} == {
        ("object_missing", key) for key in new
    }


def test_a_bucket_newer_than_the_database_has_exactly_what_came_between_and_keeps_it(
    folder: Path, elsewhere: Elsewhere
) -> None:
    some_rows()
    first = back_up(folder)
    new = {key_of(stored_media(seed)) for seed in (7, 8)}
    second = _a_second_later(folder, first)

    assert elsewhere.manage("restore", str(folder), "--name", second.name, "--no-database").code == 0
    assert elsewhere.manage("restore", str(folder), "--name", first.name, "--no-objects").code == 0

    answer = elsewhere.check()
    assert {(problem["code"], problem["key"]) for problem in answer["problems"]} == {
        ("object_without_ledger", key) for key in new
    }
    tally = elsewhere.manage("collect_objects", "--apply", "--grace", "0", "--json").answer
    assert (tally["unknown"], tally["unknown_collected"]) == (2, 0)
    assert new <= elsewhere.keys()


def test_a_store_counts_as_found_empty_only_when_the_restore_met_it_empty(folder: Path, elsewhere: Elsewhere) -> None:
    """A dump that is loaded by hand knows of no store, and then nothing is collected unasked either."""
    some_rows()
    assert installation.found_empty()
    about = back_up(folder)
    assert about.installations != []

    elsewhere.manage("restore", str(folder))
    assert elsewhere.found_empty() == [True]
    elsewhere.rows("DELETE FROM curation_installation")
    elsewhere.run("from curation.actions import installation; installation.remember()")
    assert elsewhere.found_empty() == [False]


# --- While others work -----------------------------------------------------------------------------


@contextmanager
def uploads_going_on() -> Iterator[list[int]]:
    """Three threads that upload for as long as the block lasts; the ids of what they have uploaded."""
    over, done = threading.Event(), list[int]()

    def upload(first: int) -> None:
        seed = first
        while not over.is_set():
            done.append(stored_media(seed).pk)
            seed += 3
        connections.close_all()

    threads = [threading.Thread(target=upload, args=(100 + number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_a_backup_made_while_pictures_come_in_is_whole(folder: Path, elsewhere: Elsewhere) -> None:
    some_rows()
    with uploads_going_on() as done:
        while len(done) < 10:
            threading.Event().wait(0.01)
        before = list(done)
        about = back_up(folder)
        during = len(done) - len(before)
    assert about.not_copied == []

    assert elsewhere.manage("restore", str(folder)).code == 0
    answer = elsewhere.check()
    assert answer["clean"], answer["problems"]
    kept = {row_id for (row_id,) in elsewhere.rows("SELECT id FROM curation_media WHERE file <> ''")}
    assert set(before) <= kept
    assert during > 0


def test_what_was_under_way_is_given_up_and_sessions_stay_behind(folder: Path, elsewhere: Elsewhere) -> None:
    """Sessions would open the admin to whoever finds the file."""
    some_rows()
    lease = timezone.now() + timedelta(hours=1)
    StoredObject.objects.create(key=damage.UNKNOWN_KEY, sha256="ab" * 32, size=3, lease_until=lease)
    own = own_media_key("cd" * 32, "jpg")  # of a direct upload, whose client may come again
    StoredObject.objects.create(key=own, sha256="cd" * 32, size=3, lease_until=lease)
    Upload.objects.create(
        owner=make_access("tower", Scope.DEVICE), makes_media=True, type="image", size=3, sha256="cd" * 32,
        incoming_key=own, expires_at=lease,
    )  # fmt: skip
    Job.objects.create(kind="derive", key="1:ab", state=Job.State.RUNNING, lease="a", lease_until=lease)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_session VALUES ('a-living-session', 'x', '2100-01-01 00:00:00+00')")
    back_up(folder)
    elsewhere.manage("restore", str(folder))

    assert elsewhere.rows("SELECT state, lease FROM curation_job WHERE key = '1:ab'") == [("waiting", "")]
    answer = elsewhere.check()
    assert answer["clean"], answer["problems"]
    assert answer["checked"]["waiting_to_be_collected"] == answer["checked"]["being_written"] == 1
    assert elsewhere.rows("SELECT count(*) FROM django_session") == [(0,)]
    for path in folder.rglob("database.*"):
        assert b"a-living-session" not in path.read_bytes()


@pytest.mark.damages_storage
def test_known_losses_are_known_elsewhere_too(folder: Path, elsewhere: Elsewhere) -> None:
    some_rows()
    lost = key_of(Media.objects.all()[0])
    damage.take_away(lost)
    StoredObject.objects.filter(key=lost).update(state="missing")

    assert back_up(folder).not_copied == []
    assert elsewhere.manage("restore", str(folder)).code == 0
    assert elsewhere.check()["counts"] == {"object_missing": 1}
