"""Sources and stores that are not taken over: one clear sentence, and nothing has changed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from accounts.models import Access
from accounts.scopes import Scope
from accounts.tests.cast import api, make_access
from curation.actions.adopting.address import Address, SourceRefused, parse
from curation.models import AdoptionFinding, Installation, Media
from curation.storage.base import Stat
from curation.storage.errors import StoreUnavailable
from curation.storage.folder import FolderStore
from curation.storage.stores import object_store
from curation.tests.adopting.conftest import Answer, adopt, everything, findings, postgres_url
from curation.tests.adopting.old_service import SAME_IN_BOTH, InSqlite, OldService, with_every_oddity
from curation.tests.pictures import picture

pytestmark = pytest.mark.damages_storage  # what is not taken over is unknown to the ledger


def refused(answer: Answer, *words: str) -> None:
    """The command ended with 2 and a sentence that holds `words`, and wrote nothing."""
    assert answer.code == 2
    assert all(word in answer.sentence for word in words), answer.sentence
    assert not Access.objects.filter(login="chief").exists()
    assert not Media.objects.exists()
    assert not AdoptionFinding.objects.exists()
    assert not Installation.objects.filter(found_empty=False).exists()


def small(old: OldService) -> OldService:
    old.access(1, "chief", scope="admin")
    old.plain(2)
    return old


# --- Sources ---------------------------------------------------------------------------------------


def test_logins_that_are_twins_stop_it_before_any_write(old: OldService) -> None:
    small(old)
    old.access(2, "Ana")
    old.access(3, "ＡＮＡ")
    refused(adopt(old, "--apply"), "'Ana' and 'ＡＮＡ'", "--rename")
    assert adopt(old, "--apply", "--rename", "ＡＮＡ=ana-2").code == 0
    assert dict(Access.objects.values_list("pk", "login")) == {1: "chief", 2: "Ana", 3: "ana-2"}


@pytest.mark.parametrize(
    ("rename", "words"),
    [
        ("nobody=ana", "no login 'nobody'"),
        ("chief=a b", "new login 'a b'"),
        ("chief", "old=new"),
        ("chief=ana", "same"),
    ],
)
def test_a_rename_that_makes_no_sense_is_refused(some_old: OldService, rename: str, words: str) -> None:
    small(some_old)
    some_old.access(2, "Ana")
    refused(adopt(some_old, "--apply", "--rename", rename), words)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://a:s3cret-word@h/db", "must be postgres://"),
        ("s3cret-word", "must be postgres://"),
        ("postgres://a:s3cret-word@h:port/db", "names no database"),
        ("postgres://a:s3cret-word@h/", "names no database"),
        ("postgres://a:s3cret-word@127.0.0.1:1/db", "does not answer"),
        ("postgresql+psycopg2://a:s3cret-word@127.0.0.1:1/db", "does not answer"),
        ("postgresql+asyncpg://a:s3cret-word@host.invalid/db", "host of the source"),
        ("sqlite:////nowhere/s3cret-word.sqlite3", "cannot be opened"),
    ],
)
def test_a_source_that_cannot_be_reached_is_refused_without_its_address(db: None, url: str, words: str) -> None:
    answer = adopt(url, "--apply")
    refused(answer, words)
    assert "s3cret-word" not in answer.sentence


def test_a_wrong_password_is_refused_without_being_shown(db: None) -> None:
    address = urlsplit(postgres_url())
    wrong = address._replace(netloc=f"{address.username}:s3cret-word@{address.hostname}:{address.port}")
    answer = adopt(wrong.geturl(), "--apply")
    refused(answer, "refuses this user or password")
    assert "s3cret-word" not in answer.sentence


def test_an_unknown_database_is_refused(db: None) -> None:
    refused(adopt(f"{postgres_url()}_that_is_not_there"), "no database of that name")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("DROP TABLE annotations", "no table annotations"),
        ("DROP TABLE annotations; DROP TABLE media", "no table media and no table annotations"),
        ("DROP TABLE annotations; DROP TABLE media; DROP TABLE accesses", "is no pyro-storage"),
        ("ALTER TABLE media DROP COLUMN created_at", "media has no column created_at"),
        ("ALTER TABLE accesses RENAME COLUMN hashed_password TO password", "accesses has no column hashed_password"),
        ("DROP TABLE media; CREATE TABLE media (id TEXT, bucket_key TEXT, type TEXT, created_at TEXT)", "not numbers"),
    ],
)
def test_a_source_that_is_not_complete_is_refused(old: OldService, damage: str, words: str) -> None:
    small(old)
    old.tables.run(damage)
    refused(adopt(old, "--apply"), words)


def test_a_file_that_is_no_database_is_refused(db: None, tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("not a database at all, but long enough to be read as one" * 100)
    refused(adopt(f"sqlite:///{tmp_path}/old.txt", "--apply"), "no SQLite database")


def test_a_source_that_is_written_to_before_anything_is_done_is_refused(
    old: OldService, settings: Settings, tmp_path: Path
) -> None:
    use(settings, tmp_path, old)
    small(old)
    use(settings, tmp_path, old, "Meddling", service=old, when="walk")
    refused(adopt(old, "--apply"), "Stop the old service")


def test_a_source_that_is_written_to_later_is_reported(old: OldService, settings: Settings, tmp_path: Path) -> None:
    use(settings, tmp_path, old)
    small(old)
    use(settings, tmp_path, old, "Meddling", service=old, when="fetch")
    answer = adopt(old, "--apply")
    assert (answer.code, answer.problems) == (1, {"source_changed": 1})
    use(settings, tmp_path, old)
    assert adopt(old, "--apply").code == 0
    assert set(Media.objects.values_list("pk", flat=True)) == set(range(1, old.next_id))


def test_the_source_can_be_read_from_standard_input(some_old: OldService, monkeypatch: pytest.MonkeyPatch) -> None:
    small(some_old)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{some_old.tables.url}\n"))
    assert adopt("-", "--apply").code == 0


def test_an_unknown_time_zone_is_refused(some_old: OldService) -> None:
    refused(adopt(small(some_old), "--apply", "--source-timezone", "Mars/Olympus"), "--source-timezone")


def test_an_address_never_shows_its_password() -> None:
    assert "s3cret-word" not in repr(parse("postgres://a:s3cret-word@h/db"))
    with pytest.raises(SourceRefused):
        parse("postgres://")


def test_an_address_may_bring_options_of_its_own() -> None:
    address = parse("postgresql+asyncpg://a:b%40c@h:5433/db?sslmode=require")
    wanted = {"user": "a", "password": "b@c", "host": "h", "port": 5433, "sslmode": "require"}
    assert address == Address(is_sqlite=False, name="db", options=wanted)


# --- Our tables ------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["admin", "chief"])
def test_tables_that_are_not_empty_are_refused(some_old: OldService, login: str) -> None:
    make_access(login, Scope.ADMIN, pk=1)
    small(some_old)
    answer = adopt(some_old, "--apply")
    assert (answer.code, Access.objects.count(), Media.objects.count()) == (2, 1, 0)
    assert "do not come from this source (the first has id 1)" in answer.sentence


def test_media_of_our_own_are_refused_before_and_after(some_old: OldService) -> None:
    small(some_old)
    adopt(some_old, "--apply")
    api(Access.objects.get(pk=1)).post("/media", {"type": "image"}, format="json")
    answer = adopt(some_old, "--apply")
    assert answer.code == 2
    assert "The table media here holds rows" in answer.sentence


def test_a_run_with_another_source_or_another_zone_is_refused(some_old: OldService, tmp_path: Path) -> None:
    small(some_old)
    adopt(some_old, "--apply")
    other = OldService(InSqlite(tmp_path / "other.sqlite3"), some_old.put)
    other.tables.run(SAME_IN_BOTH)
    other.access(1, "other", scope="admin")
    assert "table accesses" in adopt(other, "--apply").sentence
    other.tables.close()
    assert "table media" in adopt(some_old, "--apply", "--source-timezone", "Europe/Paris").sentence
    assert adopt(some_old, "--apply").code == 0


# --- Stores ----------------------------------------------------------------------------------------


def test_a_store_without_the_objects_is_refused_unless_told(some_old: OldService) -> None:
    some_old.access(1, "chief", scope="admin")
    for seed in range(3):
        some_old.media(picture(seed), stored=False)
    refused(adopt(some_old, "--apply"), "3 of 3 objects", "--missing-ok")
    assert adopt(some_old, "--apply", "--missing-ok").problems == {"object_missing": 3}


@pytest.mark.parametrize(("missing", "code"), [(10, 1), (11, 2)])
def test_ten_missing_objects_are_reported_and_eleven_in_few_refused(
    some_old: OldService, missing: int, code: int
) -> None:
    some_old.access(1, "chief", scope="admin")
    some_old.plain(20)
    for seed in range(missing):
        some_old.media(picture(seed), stored=False)
    assert adopt(some_old, "--apply").code == code


def test_a_store_that_does_not_answer_is_not_one_without_objects(
    some_old: OldService, settings: Settings, tmp_path: Path
) -> None:
    small(some_old)
    absent = {"BACKEND": "curation.storage.folder.FolderStore", "OPTIONS": {"location": tmp_path / "unmounted"}}
    settings.STORAGES = settings.STORAGES | {"default": absent}
    refused(adopt(some_old, "--apply"), "folder of the store is absent")


def test_a_store_that_fails_midway_stops_it_and_the_next_run_ends_as_one_alone(
    some_old: OldService, settings: Settings, tmp_path: Path
) -> None:
    use(settings, tmp_path, some_old)
    with_every_oddity(some_old)
    some_old.plain(330)
    use(settings, tmp_path, some_old, "Tired")
    answer = adopt(some_old, "--apply")
    assert (answer.code, "run the command again" in answer.sentence) == (2, True)
    done = Media.objects.count()
    assert 100 < done < 330
    use(settings, tmp_path, some_old)
    assert adopt(some_old, "--apply").result["unchanged"]["media"] == done
    assert findings() == some_old.findings


def test_a_report_that_cannot_be_written_is_refused(some_old: OldService, tmp_path: Path) -> None:
    refused(
        adopt(small(some_old), "--apply", "--report", str(tmp_path / "absent" / "report.csv")),
        "report cannot be written",
    )


def test_in_words_it_says_what_would_be_done(some_old: OldService) -> None:
    with_every_oddity(some_old)
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("adopt_pyrostorage", some_old.tables.url, stdout=out, stderr=io.StringIO())
    assert caught.value.returncode == 1
    assert "accesses: 7 seen, 4 to be taken over, 0 were here already, 3 left out." in out.getvalue()
    assert out.getvalue().endswith("Nothing was changed; --apply does it.\n")
    assert everything()["Media"] == []


# --- Stores that misbehave -------------------------------------------------------------------------


def use(settings: Settings, tmp_path: Path, old: OldService, kind: str = "", **options: Any) -> None:
    """Keep objects in a folder of this test, seen through one of the stores below or as it is."""
    if isinstance(old.tables, InSqlite):
        old.tables.run("PRAGMA journal_mode=WAL")  # else nobody writes while somebody reads
    backend = f"{__name__}.{kind}" if kind else "curation.storage.folder.FolderStore"
    entry = {"BACKEND": backend, "OPTIONS": {"location": tmp_path / "objects", **options}}
    settings.STORAGES = settings.STORAGES | {"default": entry}
    object_store().prepare()


class Tired(FolderStore):
    """A store that stops answering after 300 reads."""

    def __init__(self, location: Path) -> None:
        super().__init__(location)
        self.reads = 0

    def fetch(self, key: str) -> IO[bytes]:
        self.reads += 1
        if self.reads > 300:
            raise StoreUnavailable("The store does not answer.")
        return super().fetch(key)


class Meddling(FolderStore):
    """Once, while it is listed or read, the old service takes another media."""

    def __init__(self, location: Path, service: OldService, when: str) -> None:
        super().__init__(location)
        self.service, self.when = service, when

    def fetch(self, key: str) -> IO[bytes]:
        self.meddle("fetch")
        return super().fetch(key)

    def walk(self, prefix: str = "", after: str = "") -> Iterator[Stat]:
        self.meddle("walk")
        yield from super().walk(prefix, after)

    def meddle(self, moment: str) -> None:
        if moment == self.when:
            self.when = ""
            self.service.media()
