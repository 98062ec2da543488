"""What becomes of an old service, row by row."""

from __future__ import annotations

import csv
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accounts.actor import command
from accounts.models import Access, AuditEntry
from accounts.tests.cast import api
from accounts.tests.doors import log_in
from curation.actions.check import examine
from curation.actions.collect import collect
from curation.actions.installation import found_empty, remember
from curation.models import AdoptionFinding, Annotation, Media, StoredObject
from curation.storage.stores import object_store
from curation.tests.adopting.conftest import adopt, everything, findings, service
from curation.tests.adopting.old_service import (
    AS_SQLALCHEMY_MADE_THEM,
    PASSWORD,
    SHORT,
    InPostgres,
    OldService,
    bcrypted,
    key_of,
    with_every_oddity,
)
from curation.tests.pictures import part, picture

pytestmark = pytest.mark.damages_storage  # old services bring what no ledger knows


def chief() -> Access:
    access: Access = Access.objects.get(login="chief")
    return access


def test_every_row_is_kept_with_its_id_key_and_time(old: OldService) -> None:
    odd = with_every_oddity(old)
    assert adopt(old, "--apply").code == 1
    media, annotation = Media.objects.get(pk=odd.healthy), Annotation.objects.get(pk=odd.labelled)
    content = picture(0)
    assert (media.file.name, media.sha256) == (key_of(content), hashlib.sha256(content).hexdigest())
    assert (media.size, media.content_type, media.width, media.height) == (len(content), "image/jpeg", 64, 48)
    assert media.created_at == annotation.created_at == datetime(2023, 7, 14, 10, 0, 37, 868371, UTC)
    assert (media.owner, annotation.owner, annotation.origin, annotation.is_truth) == (None, None, "imported", False)
    assert (annotation.state, annotation.format, annotation.content_type) == ("stored", "text", "text/plain")
    revision = annotation.revisions.get()
    assert (revision, revision.number, revision.file.name) == (annotation.current, 1, annotation.file.name)
    ledger = StoredObject.objects.get(key=media.file.name)
    assert (ledger.state, ledger.sha256, ledger.size, ledger.lease_until) == ("ready", media.sha256, media.size, None)


def test_the_report_names_each_odd_row_and_no_other(old: OldService) -> None:
    odd = with_every_oddity(old)
    answer = adopt(old, "--apply")
    assert findings() == old.findings
    assert answer.problems["object_unknown"] == 1
    assert AdoptionFinding.objects.get(code="object_unknown").key == odd.unknown_key
    left_out = AdoptionFinding.objects.filter(verdict="left out")
    assert {row.table: 0 for row in left_out}.keys() == {"accesses", "media", "annotations"}
    assert sum(answer.result["left_out"].values()) == left_out.values("table", "row_id").distinct().count()


def test_odd_rows_are_kept_as_far_as_they_can_be(old: OldService) -> None:
    odd = with_every_oddity(old)
    adopt(old, "--apply")
    lost, strange = Media.objects.get(pk=odd.lost), Media.objects.get(pk=odd.strange)
    assert (lost.file.name, lost.sha256, lost.size, lost.content_type) == ("", "", None, "")
    assert AdoptionFinding.objects.get(table="media", row_id=odd.lost).key == key_of(b"lost 0")
    assert (strange.content_type, strange.width) == ("application/octet-stream", None)
    assert strange.file.name == key_of(b"%PDF-1.7 0")
    assert Media.objects.get(pk=odd.typeless).type == "image"
    assert not Media.objects.filter(pk=odd.unlabelled).exists()
    assert Media.objects.get(pk=odd.announced).file.name == ""


def test_afterwards_a_full_check_finds_only_what_the_report_names(old: OldService) -> None:
    with_every_oddity(old)
    adopt(old, "--apply")
    named = set(AdoptionFinding.objects.exclude(key="").values_list("key", flat=True))
    problems = examine(full=True).problems
    assert {problem.key for problem in problems} <= named
    assert {str(problem.code) for problem in problems} == {"key_differs", "object_without_ledger"}


def test_a_healthy_service_leaves_nothing_to_report(old: OldService) -> None:
    old.access(1, "chief", scope="admin")
    old.plain(3)
    answer = adopt(old, "--apply")
    assert (answer.code, answer.result["problems"], answer.sentence) == (0, [], "")
    assert answer.result["created"] == {"accesses": 1, "media": 3, "annotations": 3}
    assert examine(full=True).clean


def test_a_second_run_changes_nothing(old: OldService) -> None:
    with_every_oddity(old)
    adopt(old, "--apply")
    before = everything()
    answer = adopt(old, "--apply")
    assert everything() == before
    assert sum(answer.result["created"].values()) == 0
    assert answer.problems == adopt(old).problems


@pytest.mark.parametrize("options", [(), ("--full",)])
def test_a_dry_run_writes_nothing_and_foretells_what_it_looked_at(old: OldService, options: tuple[str, ...]) -> None:
    with_every_oddity(old)
    before = everything()
    foretold = adopt(old, *options)
    assert everything() == before
    assert not Access.objects.exists()
    done = adopt(old, "--apply")
    assert (foretold.code, foretold.result["created"]) == (done.code, done.result["created"])
    unread = set() if options else {"foreign_content", "key_differs", "type_differs"}
    assert foretold.problems == {code: count for code, count in done.problems.items() if code not in unread}


def test_every_row_has_one_audit_entry(old: OldService) -> None:
    with_every_oddity(old)
    created = adopt(old, "--apply").result["created"]
    for table, model in (("accesses", "access"), ("media", "media"), ("annotations", "annotation")):
        entries = AuditEntry.objects.filter(table=model, action=f"{model}.adopt", door="command")
        assert entries.count() == entries.values("row_id").distinct().count() == created[table]
    assert AuditEntry.objects.count() == sum(created.values())


def test_ids_go_on_above_the_highest_even_of_rows_left_out(old: OldService) -> None:
    odd = with_every_oddity(old)
    old.media(None, "type_unknown", type="gif", id=5000)
    adopt(old, "--apply")
    client = api(chief())
    media = client.post("/media", {"type": "image"}, format="json").json()
    annotation = client.post("/annotations", {"media_id": media["id"]}, format="json").json()
    access = client.post("/accesses", {"login": "new-one", "password": PASSWORD, "scope": "user"}, format="json").json()
    assert media["id"] > 5000
    assert annotation["id"] > odd.highest
    assert access["id"] > 7


@pytest.mark.parametrize(("login", "password"), [("chief", PASSWORD), ("Ana Müller", SHORT), ("ANA MÜLLER", SHORT)])
def test_an_adopted_access_logs_in_with_its_old_password_and_then_carries_argon2(
    old: OldService, login: str, password: str
) -> None:
    with_every_oddity(old)
    adopt(old, "--apply")
    access = Access.objects.filter(login__in=[login, login.title()]).get()
    assert access.password.startswith("bcrypt$$2b$")
    for _ in range(2):
        answer = log_in(login, password)
        assert answer.status_code == 200
        access.refresh_from_db()
        assert access.password.startswith("argon2$")
    assert log_in(login, "wrong").status_code == 401


def test_a_password_beyond_72_bytes_works_as_it_did(old: OldService) -> None:
    old.access(1, "long", scope="admin", hashed=bcrypted("x" * 80))
    adopt(old, "--apply")
    assert log_in("long", "x" * 80).status_code == 200


def test_an_unreadable_password_opens_nothing(old: OldService) -> None:
    with_every_oddity(old)
    adopt(old, "--apply")
    for password in ("5f4dcc3b5aa765d61d8327deb882cf99", "password", "!"):
        assert log_in("md5", password).status_code == 401


def test_scopes_decide_what_an_access_may_do_and_see(old: OldService) -> None:
    with_every_oddity(old)
    adopt(old, "--apply")
    seen = {access.login: (access.scope, access.sees) for access in Access.objects.all()}
    assert (seen["chief"], seen["Ana Müller"], seen["robot"]) == (("admin", "all"), ("user", "own"), ("user", "own"))
    assert api(Access.objects.get(login="Ana Müller")).get("/media").json() == []


def test_files_of_adopted_rows_are_served(old: OldService) -> None:
    odd = with_every_oddity(old)
    adopt(old, "--apply")
    client = api(chief())
    assert client.get(f"/media/{odd.healthy}/url").status_code == 200
    assert client.get(f"/annotations/{odd.labelled}/url").status_code == 200
    assert client.get(f"/media/{odd.lost}/url").status_code == 404
    assert client.get("/media?limit=1000").status_code == 200


def test_unknown_objects_are_never_collected_unasked_even_where_the_store_was_empty_once(old: OldService) -> None:
    assert remember().found_empty
    odd = with_every_oddity(old)
    adopt(old, "--apply")
    assert not found_empty()
    collect(apply=True, grace=timedelta(0), by=command())
    assert object_store().stat(odd.unknown_key) is not None
    assert object_store().stat(key_of(picture(0))) is not None


def test_an_object_that_returned_is_taken_by_an_upload(old: OldService) -> None:
    old.access(1, "chief", scope="admin")
    lost = [old.media(picture(seed), stored=False) for seed in range(2)]
    old.plain(1)
    adopt(old, "--apply", "--missing-ok")
    answer = api(chief()).post(f"/media/{lost[0]}/upload", {"file": part(picture(0))}, format="multipart")
    assert answer.status_code == 200
    assert answer.json()["width"] == 64


def test_what_was_left_out_comes_with_the_next_run_once_it_is_repaired(old: OldService) -> None:
    odd = with_every_oddity(old)
    adopt(old, "--apply")
    old.tables.run(f"UPDATE media SET type = 'video' WHERE id = {odd.unlabelled}")
    answer = adopt(old, "--apply")
    assert answer.result["created"] == {"accesses": 0, "media": 1, "annotations": 1}
    assert Media.objects.get(pk=odd.unlabelled).type == "video"
    assert not {"type_unknown", "media_left_out"} & answer.problems.keys()


def test_tables_as_the_old_service_made_them_are_read(in_postgres: InPostgres, db: None) -> None:
    in_postgres.drop()
    in_postgres.run(AS_SQLALCHEMY_MADE_THEM)
    old = service(in_postgres)
    old.access(1, "chief", scope="admin")
    old.plain(2)
    assert adopt(in_postgres, "--apply").code == 0
    in_postgres.run("DROP TYPE accesstype CASCADE; DROP TYPE mediatype CASCADE")


@pytest.mark.parametrize(
    ("zone", "made", "kept", "doubtful"),
    [
        ("UTC", "2023-07-14 10:00:37.868371", "2023-07-14T10:00:37.868371+00:00", False),
        ("Europe/Paris", "2023-07-14 10:00:37.868371", "2023-07-14T08:00:37.868371+00:00", False),
        ("Europe/Paris", "2023-01-14 10:00:00", "2023-01-14T09:00:00+00:00", False),
        ("Europe/Paris", "2023-10-29 02:30:00", "2023-10-29T00:30:00+00:00", True),
        ("Europe/Paris", "2023-10-29 03:00:00", "2023-10-29T02:00:00+00:00", False),
    ],
)
def test_times_are_read_in_the_zone_of_the_source(
    old: OldService, zone: str, made: str, kept: str, doubtful: bool
) -> None:
    old.access(1, "chief", scope="admin")
    row = old.media(created_at=made)
    answer = adopt(old, "--apply", "--source-timezone", zone)
    assert Media.objects.get(pk=row).created_at == datetime.fromisoformat(kept)
    assert answer.problems == ({"time_doubtful": 1} if doubtful else {})


def test_a_source_without_admin_is_reported(old: OldService) -> None:
    old.access(1, "ana")
    assert adopt(old, "--apply").problems == {"no_admin": 1}


def test_the_report_can_be_had_as_a_file(old: OldService, tmp_path: Path) -> None:
    with_every_oddity(old)
    file = tmp_path / "report.csv"
    answer = adopt(old, "--apply", "--report", str(file))
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert {(row["table"], int(row["id"]), row["code"]) for row in rows if row["table"]} == old.findings
    assert len(rows) == sum(answer.problems.values())
