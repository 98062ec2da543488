"""What is refused, and what is left when a backup or a restore is cut short."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from curation.actions import installation
from curation.actions.alone import NotAlone, one_collector
from curation.actions.backups import database, programs
from curation.actions.backups.backup import backup
from curation.actions.backups.folder import BackupRefused
from curation.actions.backups.restore import restore
from curation.actions.check import no_progress
from curation.models import Installation, Media, StoredObject
from curation.storage.errors import StoreUnavailable
from curation.storage.folder import FolderStore
from curation.storage.stores import object_store
from curation.tests import damage
from curation.tests.backups.conftest import Elsewhere
from curation.tests.deeds import collect_now, key_of, stored_media

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]  # manage.py starts many times


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backup"


@pytest.fixture
def keys() -> list[str]:
    installation.remember()
    return sorted(key_of(stored_media(seed)) for seed in range(3))


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    try:
        call_command(*arguments)
    except CommandError as error:
        return error.returncode, str(error)
    return 0, capsys.readouterr().out


def whole(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if re.fullmatch(r"\d{8}T\d{6}Z", path.name)]


# --- Backing up ------------------------------------------------------------------------------------


def test_a_backup_waits_for_nobody_and_nobody_collects_meanwhile(
    keys: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with one_collector():
        code, sentence = run("backup", str(folder), capsys=capsys)
    assert (code, sentence) == (3, "The collector is at work, or another backup; begin again when it has ended.")

    met: list[str] = []

    def collect_meanwhile(stage: str, count: int) -> None:
        with pytest.raises(NotAlone):
            collect_now()
        met.append(stage)

    backup(folder, progress=collect_meanwhile)
    assert met == ["database", "objects copied", "objects copied", "objects copied"]


def test_a_backup_that_was_cut_short_is_none_and_the_next_goes_on_from_it(keys: list[str], folder: Path) -> None:
    def go_away(stage: str, count: int) -> None:
        if count == 2:
            raise StoreUnavailable("The store does not answer.")

    with pytest.raises(StoreUnavailable):
        backup(folder, progress=go_away)
    assert whole(folder) == []
    assert len(list(folder.glob("*.partial"))) == 1
    with pytest.raises(BackupRefused, match="no whole backup"):
        restore(folder, progress=no_progress)

    copied: list[int] = []
    about = backup(folder, progress=lambda stage, count: copied.append(count))
    assert copied == [0, 1]
    assert whole(folder) == [about.name]
    assert list(folder.glob("*.partial")) == []


@pytest.mark.damages_storage
@pytest.mark.parametrize("harm", [damage.take_away, damage.truncate, damage.flip_one_bit])
def test_an_object_that_is_not_what_the_ledger_says_is_listed_and_the_rest_is_kept(
    keys: list[str], folder: Path, harm: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    harm(keys[1])
    code, sentence = run("backup", str(folder), capsys=capsys)
    assert code == 1
    assert sentence.startswith("1 object(s) are missing or damaged in the store")
    assert f"not copied: {keys[1]}" in capsys.readouterr().out
    assert {stat.key for stat in FolderStore(folder / "objects").walk()} == {keys[0], keys[2]}
    assert len(whole(folder)) == 1


def test_a_decayed_object_in_the_backup_is_replaced_when_told_to_look(keys: list[str], folder: Path) -> None:
    first = backup(folder, progress=no_progress)
    path = folder / "objects" / keys[0]
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (folder / first.name).rename(folder / "20200101T000000Z")  # so that this second is free

    backup(folder, verify=True, progress=no_progress)
    assert path.read_bytes() == content


def test_without_room_nothing_is_begun(
    keys: list[str], folder: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.DISK_RESERVE_BYTES = 10**18
    code, sentence = run("backup", str(folder), capsys=capsys)
    assert code == 2
    assert re.fullmatch(r"There is no room for the database: \d+ bytes are needed, 0 are free\.", sentence)
    assert list(folder.glob("2*")) == []


def test_a_backup_does_not_go_into_the_store_itself(keys: list[str]) -> None:
    store = object_store()
    if not isinstance(store, FolderStore):
        pytest.skip("Needs a folder.")
    with pytest.raises(BackupRefused, match="belongs to the store itself"):
        backup(store.folder / "backup", progress=no_progress)


@pytest.mark.parametrize("where", ["s3://", "s3://bucket/path", "https://bucket", "bucket", "s3://key@bucket"])
def test_objects_go_to_a_bucket_or_nowhere_else(folder: Path, where: str) -> None:
    with pytest.raises(BackupRefused, match="named like s3://bucket"):
        backup(folder, where=where, progress=no_progress)


def test_objects_do_not_go_to_the_bucket_they_are_in(folder: Path, settings: Settings) -> None:
    if not settings.BUCKET_NAME:
        pytest.skip("Needs a bucket.")
    with pytest.raises(BackupRefused, match="bucket of this service itself"):
        backup(folder, where=f"s3://{settings.BUCKET_NAME}", progress=no_progress)


def test_without_keys_no_bucket_is_asked(folder: Path, settings: Settings) -> None:
    settings.BACKUP_S3 = settings.BACKUP_S3 | {"secret_key": ""}
    with pytest.raises(BackupRefused, match="BACKUP_S3_"):
        backup(folder, where="s3://elsewhere", progress=no_progress)


def test_what_is_in_the_folder_is_for_its_owner_alone(keys: list[str], folder: Path) -> None:
    about = backup(folder, progress=no_progress)
    assert (folder.stat().st_mode & 0o777, (folder / about.name).stat().st_mode & 0o777) == (0o700, 0o700)
    assert {path.stat().st_mode & 0o777 for path in (folder / about.name).iterdir()} == {0o600}


# --- pg_dump ---------------------------------------------------------------------------------------

needs_postgres = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="Needs PostgreSQL.")


@pytest.fixture
def pretended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A pg_dump that says to be of a version, writes down how it was called, and fails."""
    monkeypatch.setattr(programs, "DEBIAN", tmp_path / "none")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")

    def write(version: str) -> Path:
        (tmp_path / "bin").mkdir()
        program = tmp_path / "bin" / "pg_dump"
        program.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo "pg_dump (PostgreSQL) {version}" && exit\n'
            f'echo "$@" > {tmp_path}/arguments; env > {tmp_path}/environment\n'
            'echo "pg_dump: error: it is a bad day" >&2; exit 1\n'
        )
        program.chmod(0o700)
        return tmp_path

    return write


@needs_postgres
def test_an_old_pg_dump_is_refused_in_words(keys: list[str], folder: Path, pretended: Callable[[str], Path]) -> None:
    pretended("9.6.24")
    with pytest.raises(BackupRefused, match=r"^pg_dump is version 9, older than the server's \d+ \(apt-get install"):
        backup(folder, progress=no_progress)


@needs_postgres
def test_an_absent_pg_dump_is_refused_in_words(
    keys: list[str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupRefused, match=r"^pg_dump is not installed \(apt-get install postgresql-client-\d+\)\.$"):
        backup(folder, progress=no_progress)


@needs_postgres
def test_pg_dump_gets_its_password_by_its_environment_and_none_of_our_secrets(
    keys: list[str], folder: Path, pretended: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = pretended("99.1")
    monkeypatch.setenv("S3_SECRET_KEY", "a-secret-of-the-store")
    with pytest.raises(BackupRefused, match=r"^pg_dump failed and nothing was changed: error: it is a bad day$"):
        backup(folder, progress=no_progress)
    known: dict[str, Any] = connection.settings_dict
    assert known["PASSWORD"] not in (place / "arguments").read_text()
    environment = (place / "environment").read_text()
    assert f"PGPASSWORD={known['PASSWORD']}\n" in environment
    assert "a-secret-of-the-store" not in environment
    assert "SECRET_KEY" not in environment
    assert whole(folder) == []


# --- Restoring -------------------------------------------------------------------------------------


def unchanged(folder: Path, sentence: str, **options: Any) -> None:
    """A restore is refused with this sentence, and neither rows nor objects differ afterwards."""
    before = (list(StoredObject.objects.order_by("pk").values()), [stat.key for stat in object_store().walk()])
    with pytest.raises(BackupRefused, match=sentence):
        restore(folder, progress=no_progress, **options)
    assert (list(StoredObject.objects.order_by("pk").values()), [s.key for s in object_store().walk()]) == before


def test_rows_are_not_replaced_unless_told(keys: list[str], folder: Path) -> None:
    backup(folder, progress=no_progress)
    unchanged(folder, "The database is not empty")


def test_rows_of_another_installation_are_never_replaced(keys: list[str], folder: Path) -> None:
    backup(folder, progress=no_progress)
    Installation.objects.update(store="another")
    unchanged(folder, "rows of another installation", replace=True)


def test_objects_that_the_backup_does_not_know_are_refused(keys: list[str], folder: Path) -> None:
    backup(folder, progress=no_progress)
    key_of(stored_media(9))
    unchanged(folder, "^The store is not empty: 1 of its objects", with_database=False)
    assert restore(folder, with_database=False, replace=True, progress=no_progress).copied.objects == 0


def change(folder: Path, **columns: Any) -> None:
    (about,) = folder.glob("*/backup.json")
    about.write_text(json.dumps(json.loads(about.read_text()) | columns))


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"database": "oracle", "format": 2}, "made by a later version"),
        ({"migrations": ["curation.9999_from_the_future"]}, "later than this one"),
        ({"dump_sha256": "00" * 32}, "damaged: its dump or its manifest"),
        ({"manifest_sha256": "00" * 32}, "damaged: its dump or its manifest"),
        ({"format": None}, "later version"),
        ({"objects_at": ""}, "made without objects"),
    ],
)
def test_a_backup_that_does_not_fit_is_refused(
    keys: list[str], folder: Path, columns: dict[str, Any], sentence: str
) -> None:
    backup(folder, progress=no_progress)
    change(folder, **columns)
    unchanged(folder, sentence, replace=True)


def test_a_backup_that_cannot_be_read_is_refused(keys: list[str], folder: Path) -> None:
    about = backup(folder, progress=no_progress)
    (folder / about.name / "backup.json").write_text("{")
    unchanged(folder, "cannot be read", replace=True)


def test_a_backup_of_another_kind_of_database_is_refused(keys: list[str], folder: Path) -> None:
    about = backup(folder, progress=no_progress)
    other = {"postgresql": "sqlite", "sqlite": "postgresql"}[connection.vendor]
    path = folder / about.name / about.dump
    path.rename(path.with_name({"postgresql": "database.dump", "sqlite": "database.sqlite3"}[other]))
    change(folder, database=other)
    unchanged(folder, f"The backup is of a {other} database; this service uses {connection.vendor}", replace=True)


def test_a_decayed_object_is_never_restored(keys: list[str], folder: Path, elsewhere: Elsewhere) -> None:
    backup(folder, progress=no_progress)
    path = folder / "objects" / keys[0]
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    done = elsewhere.manage("restore", str(folder), "--json")
    assert (done.code, done.answer["not_copied"]) == (1, [keys[0]])
    assert elsewhere.keys() == set(keys[1:])
    assert elsewhere.check()["counts"] == {"object_missing": 1}


def test_the_same_installation_goes_back_to_an_earlier_moment(folder: Path, elsewhere: Elsewhere) -> None:
    seeds = "from curation.tests.deeds import stored_media; [stored_media(seed) for seed in range({0}, {0} + 2)]"
    elsewhere.manage("migrate")
    elsewhere.run("from curation.storage.stores import object_store; object_store().prepare()")
    elsewhere.run("from curation.actions import installation; installation.remember()")
    elsewhere.run(seeds.format(0))
    assert elsewhere.manage("backup", str(folder)).code == 0
    elsewhere.run(seeds.format(10))

    assert elsewhere.manage("restore", str(folder)).code == 2
    assert elsewhere.rows("SELECT count(*) FROM curation_media") == [(4,)]
    done = elsewhere.manage("restore", str(folder), "--replace")
    assert done.code == 0, done.err
    assert elsewhere.rows("SELECT count(*) FROM curation_media") == [(2,)]
    assert elsewhere.check()["counts"] == {"object_without_ledger": 2}
    assert elsewhere.found_empty() == [False]
    assert elsewhere.manage("restore", str(folder), "--replace").code == 0  # it is still the same installation


@pytest.mark.skipif(connection.vendor != "postgresql", reason="A file is replaced as a whole.")
def test_a_backup_of_an_older_version_replaces_a_newer_database(folder: Path, elsewhere: Elsewhere) -> None:
    """Tables that came since, and what in them refers to older ones, are not in the way."""
    older = [("accounts", "0003"), ("curation", "0007")]
    elsewhere.run(
        "from django.core.management import call_command\n"
        f"for place in {older}: call_command('migrate', *place)\n"
        "from curation.actions import installation; from curation.storage.stores import object_store\n"
        "object_store().prepare(); installation.remember()\n"
    )
    done = elsewhere.manage("backup", str(folder))
    assert done.code == 0, done.err
    filled = "from curation.tests.deeds import stored_media, stored_annotation; stored_annotation(stored_media())"
    elsewhere.run(f"from django.core.management import call_command; call_command('migrate'); {filled}")
    assert elsewhere.rows("SELECT count(*) FROM curation_media, curation_label")[0] > (0,)

    done = elsewhere.manage("restore", str(folder), "--replace")

    assert done.code == 0, done.err
    assert elsewhere.rows("SELECT count(*) FROM curation_media") == [(0,)]
    elsewhere.run(filled)
    assert elsewhere.check()["clean"]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="A file is replaced as a whole.")
def test_a_dump_that_ends_in_its_middle_changes_nothing(keys: list[str], folder: Path) -> None:
    about = backup(folder, progress=no_progress)
    dump = folder / about.name / about.dump
    before = dump.read_bytes()
    for content in (before[: len(before) * 2 // 3], before[:1000], b"no dump"):
        dump.write_bytes(content)
        with pytest.raises(BackupRefused, match="nothing was changed"):
            database.load(folder / about.name, about)
        assert sorted(StoredObject.objects.values_list("key", flat=True)) == keys
        assert Media.objects.exists()
