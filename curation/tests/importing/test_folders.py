"""Folders taken in by the command and by the action behind it."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import AuditEntry, Organisation
from accounts.refusals import Busy
from accounts.tests.cast import Cast
from curation.actions import media as media_actions
from curation.actions.importing import journal
from curation.actions.importing.asked import Asked
from curation.actions.imports import CannotRead
from curation.models import Annotation, ImportItem, ImportRun, Job, Media, StoredObject
from curation.storage.errors import StoreUnavailable
from curation.storage.sources import folder as folders
from curation.storage.sources.base import EntryRefused
from curation.storage.sources.folder import FolderSource
from curation.tests import damage
from curation.tests.contract.helpers import everything
from curation.tests.deeds import NOBODY as BY_NOBODY
from curation.tests.deeds import actor, key_of, stored_media
from curation.tests.imaging_files import SAMPLES
from curation.tests.importing.helpers import FRAME, NOBODY, fill, sequence, take, told, verdicts
from curation.tests.pictures import LABEL, picture, zipped
from curation.tests.stage import Cue, fail, on_stage

pytestmark = pytest.mark.django_db
A, I = SAMPLES / "A_roboflow_fire_v8_yolo", SAMPLES / "I_derived_pyronear_layout"  # noqa: E741  # their names
NONE = {"created": 0, "unchanged": 0, "refused": 0, "skipped": 0}


@pytest.fixture
def cues(settings: Any) -> dict[str, Cue]:
    return on_stage(settings)


# --- The real thing --------------------------------------------------------------------------------


def test_real_folders_are_taken_in_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """I is a part of A under other names: no new bytes, and a media for every name."""
    if not (A.is_dir() and I.is_dir()):
        pytest.skip(f"needs the samples in {SAMPLES}")
    a, i = shutil.copytree(A, tmp_path / "a"), shutil.copytree(I, tmp_path / "i")
    assert _without_run(told(str(a), capsys=capsys)) == (0, _said(created=390, skipped=4))
    assert _without_run(told(str(i), capsys=capsys)) == (0, _said(created=130))
    pictures = StoredObject.objects.filter(key__startswith="media/")
    assert (Media.objects.count(), pictures.count(), Annotation.objects.count()) == (260, 195, 260)
    assert set(Media.objects.values_list("sequence", flat=True)) == {"", *(path.name for path in i.glob("*/*"))}
    assert not Media.objects.filter(sequence="").exclude(captured_at=None).exists()
    assert Media.objects.filter(source="demo-city", camera="hill-01", azimuth=None).count() == 20
    shutil.copy(next(i.rglob("*.jpg")), a / "one more.jpg")
    assert _without_run(told(str(a), capsys=capsys)) == (0, _said(created=1, unchanged=390, skipped=4))
    assert _without_run(told(str(i), capsys=capsys)) == (0, _said(unchanged=130))
    assert Media.objects.count() == 261
    assert not Annotation.objects.exclude(origin="imported", is_truth=False).exists()


def _without_run(answer: tuple[int, dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    return answer[0], {name: value for name, value in answer[1].items() if name != "run"}


def _said(*, created: int = 0, unchanged: int = 0, skipped: int = 0) -> dict[str, Any]:
    seen = created + unchanged + skipped
    return {"seen": seen, "created": created, "unchanged": unchanged, "skipped": skipped, "refused": []}


# --- What is kept ----------------------------------------------------------------------------------


def test_a_picture_knows_what_its_name_says_and_whose_it_is(tmp_path: Path, cast: Cast) -> None:
    by = Actor(cast.tower, door="command")
    take(fill(tmp_path, sequence(1)), replace(NOBODY, by=by, organisation_id=cast.tower.organisation_id))
    media = Media.objects.get()
    assert (media.owner, media.organisation) == (cast.tower, cast.tower.organisation)
    assert (media.source, media.camera, media.azimuth) == ("pyronear-sdis-07", "brison", 127)
    assert (media.sequence, media.original_name) == (FRAME.format(0), f"{FRAME.format(0)}.jpg")
    assert (str(media.captured_at), media.captured_basis) == ("2024-03-06 06:45:00+00:00", "name_utc_assumed")
    assert (media.type, media.width, media.height, media.content_type) == ("image", 64, 48, "image/jpeg")
    assert damage.content_of(key_of(media)) == picture(0)
    layer = media.annotations.get()
    assert (layer.owner, layer.origin, layer.state) == (cast.tower, "prediction", "stored")
    assert damage.content_of(key_of(layer)) == LABEL
    actions = sorted(AuditEntry.objects.values_list("action", "door"))
    assert actions == [
        (name, "command") for name in ("annotation.create", "annotation.upload", "import.create", "media.create")
    ]


def test_small_pictures_are_asked_for_with_the_media(tmp_path: Path) -> None:
    take(fill(tmp_path, {"a.jpg": picture(1), "a.txt": LABEL, "b.jpg": b"no picture"}))
    media = Media.objects.get()
    job = Job.objects.get()
    assert (job.kind, job.key) == ("derive", f"{media.pk}:{media.sha256[:16]}")
    assert job.payload == {"media": media.pk, "sha256": media.sha256}


def test_the_same_bytes_under_another_name_are_another_media_on_one_object(tmp_path: Path) -> None:
    fill(tmp_path, {"a.jpg": picture(1), "b.jpg": picture(1), "c/a.jpg": picture(1)})
    assert take(tmp_path).counts == NONE | {"created": 2, "unchanged": 1}
    first, second = Media.objects.order_by("pk")
    assert key_of(first) == key_of(second)
    assert f"Media {first.pk} has the same bytes" in verdicts()["b.jpg"][1]
    assert "lies at a.jpg as well" in verdicts()["c/a.jpg"][1]
    assert set(ImportItem.objects.values_list("media", flat=True)) == {first.pk, second.pk}


def test_a_file_is_the_same_for_one_organisation_only(tmp_path: Path, cast: Cast) -> None:
    fill(tmp_path, {"a.jpg": picture(1)})
    forest, valley = Organisation.objects.order_by("name")
    for organisation in (forest, valley, forest, None):
        take(tmp_path, replace(NOBODY, organisation_id=organisation.pk if organisation else None))
    owned = list(Media.objects.order_by("pk").values_list("organisation__name", flat=True))
    assert owned == ["Forest Watch", "Valley Watch", None]
    assert not ImportItem.objects.exclude(reason="Its name fits no pattern.").exclude(verdict="unchanged").exists()


def test_a_deleted_media_may_come_again(tmp_path: Path) -> None:
    fill(tmp_path, {"a.jpg": picture(1)})
    take(tmp_path)
    media_actions.delete(Media.objects.get(), by=BY_NOBODY)
    assert take(tmp_path).counts == NONE | {"created": 1}
    assert Media.objects.living().count() == 1


def test_a_picture_that_came_by_the_api_is_noted_and_not_taken_for_an_import(tmp_path: Path) -> None:
    known = stored_media(1)
    fill(tmp_path, {"a.jpg": picture(1)})
    take(tmp_path)
    assert f"Media {known.pk} has the same bytes" in verdicts()["a.jpg"][1]


@pytest.mark.parametrize(
    ("picture_path", "label_path"),
    [
        ("a.jpg", "a.txt"),
        ("a.png", "a.json"),
        ("x/a.JPG", "x/a.xml"),
        ("x/images/a.jpg", "x/labels/a.txt"),
        ("images/train/a.jpg", "labels/train/a.txt"),
        ("s/images/a.jpg", "s/labels_predictions/a.txt"),
        ("JPEGImages/a.jpg", "Annotations/a.xml"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_labels_are_found_beside_their_pictures(
    tmp_path: Path, picture_path: str, label_path: str, packed: bool
) -> None:
    files = {picture_path: picture(1), label_path: b""}
    source = fill(tmp_path / "x", {"x.zip": zipped(files)}) / "x.zip" if packed else fill(tmp_path, files)
    assert take(source).counts == NONE | {"created": 2}
    layer = Annotation.objects.get()
    assert (layer.media, layer.origin, layer.is_truth, layer.format) == (
        Media.objects.get(),
        "imported",
        False,
        "empty",
    )
    item = ImportItem.objects.get(path=label_path)
    assert (item.annotation, item.media) == (layer, layer.media)


@pytest.mark.parametrize("packed", [False, True])
def test_files_that_are_no_pictures_are_left_with_the_reason(tmp_path: Path, packed: bool) -> None:
    coco = b'{"images": [{"id": 1}], "annotations": [], "categories": []}'
    files = {
        "Thumbs.db": b"x", ".DS_Store": b"x", "__MACOSX/._a.jpg": b"x", "data.yaml": b"nc: 1",
        "README.roboflow.txt": b"x",
        "a.jpg": picture(1), "a.json": coco, "_annotations.coco.json": coco, "pairs.json": b"[]", "notes.txt": b"hello",
        "labels/gone.txt": b"", "t.csv": b"x", "paper.pdf": b"%PDF-1.7", "empty.jpg": b"", "b.jpg": picture(2)[:-9],
        "a.txt": b"\xff\xfe",
    }  # fmt: skip
    source = fill(tmp_path / "x", {"x.zip": zipped(files)}) / "x.zip" if packed else fill(tmp_path, files)
    outcome = take(source)
    found = verdicts()
    assert outcome.counts == {"created": 1, "unchanged": 0, "refused": 7, "skipped": 8}
    assert {path for path, (verdict, _) in found.items() if verdict == "refused"} == {
        "_annotations.coco.json", "a.json", "a.txt", "b.jpg", "empty.jpg", "labels/gone.txt", "paper.pdf",
    }  # fmt: skip
    assert (
        found["a.json"][1]
        == found["_annotations.coco.json"][1]
        == "It describes several pictures; import it as annotations."
    )
    assert "No picture of this name" in found["labels/gone.txt"][1]
    assert "UTF-8" in found["a.txt"][1]
    assert outcome.seen == len(files) == ImportItem.objects.count()
    assert dict(outcome.refused()) == {
        path: reason for path, (verdict, reason) in found.items() if verdict == "refused"
    }


def test_a_changed_label_is_the_next_revision_of_its_layer(tmp_path: Path) -> None:
    fill(tmp_path, {"images/a.jpg": picture(1), "images/a.txt": LABEL, "labels/a.txt": b"0 0.1 0.1 0.1 0.1\n"})
    take(tmp_path)
    one, other = Annotation.objects.filter(media__original_name="a.jpg").order_by("pk")
    for number, content in ((2, b""), (3, LABEL)):
        fill(tmp_path, {"images/a.txt": content})
        assert take(tmp_path).counts == NONE | {"created": 1, "unchanged": 2}
        assert verdicts()["images/a.txt"] == ("created", f"The file has changed: revision {number} of its layer.")
        assert take(tmp_path).counts == NONE | {"unchanged": 3}
    assert Annotation.objects.count() == 2
    mine = one if one.sha256 == hashlib.sha256(LABEL).hexdigest() else other
    assert [row.size for row in mine.revisions.order_by("number")] == [len(LABEL), 0, len(LABEL)]
    assert ImportItem.objects.filter(path="images/a.txt").latest("pk").annotation == mine


def test_a_label_of_the_same_name_from_elsewhere_is_another_layer_and_says_so(tmp_path: Path) -> None:
    take(fill(tmp_path / "one", {"a.jpg": picture(1), "a.txt": LABEL}))
    take(fill(tmp_path / "two", {"a.jpg": picture(1), "a.txt": b""}))
    assert "another imported layer" in verdicts()["a.txt"][1]
    assert Annotation.objects.count() == 2


@pytest.mark.parametrize("lost", ["human", "deleted"])
def test_a_changed_label_leaves_what_people_decided_alone(tmp_path: Path, lost: str) -> None:
    fill(tmp_path, {"a.jpg": picture(1), "a.txt": LABEL})
    take(tmp_path)
    decided = {"origin": "human", "is_truth": True} if lost == "human" else {"deleted_at": timezone.now()}
    Annotation.objects.update(**decided)
    fill(tmp_path, {"a.txt": b""})
    assert take(tmp_path).counts == NONE | {"created": 1, "unchanged": 1}
    assert [row.revisions.count() for row in Annotation.objects.order_by("pk")] == [1, 1]


def test_who_may_not_change_a_layer_adds_one(cast: Cast, tmp_path: Path) -> None:
    fill(tmp_path, {"a.jpg": picture(1), "a.txt": LABEL})
    take(tmp_path, Asked(actor(cast.carl)))
    fill(tmp_path, {"a.txt": b""})
    take(tmp_path, Asked(actor(cast.tower)))
    assert [row.owner for row in Annotation.objects.order_by("pk")] == [cast.carl, cast.tower]
    fill(tmp_path, {"a.txt": b"0 0.1 0.1 0.1 0.1\n"})
    take(tmp_path, Asked(actor(cast.tower)))
    assert [row.revisions.count() for row in Annotation.objects.order_by("pk")] == [1, 2]


# --- Strange folders -------------------------------------------------------------------------------


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = fill(tmp_path / "outside", {"secret.jpg": picture(1)})
    inside = fill(tmp_path / "inside", {"a.jpg": picture(2)})
    (inside / "file.jpg").symlink_to(outside / "secret.jpg")
    (inside / "folder").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    os.mkfifo(inside / "pipe.jpg")
    assert take(inside).counts == NONE | {"created": 1, "refused": 4}
    assert {verdict for verdict, _ in verdicts().values()} == {"created", "refused"}
    assert "symbolic link" in verdicts()["folder"][1]
    assert "no regular file" in verdicts()["pipe.jpg"][1]


def test_a_file_that_becomes_a_link_after_it_was_listed_is_not_followed(tmp_path: Path) -> None:
    outside = fill(tmp_path / "outside", {"a.jpg": picture(1), "d/a.jpg": picture(1)})
    inside = fill(tmp_path / "inside", {"a.jpg": picture(2), "d/a.jpg": picture(2)})
    source = FolderSource(inside)
    listed = list(source.entries())
    shutil.rmtree(inside / "d")
    (inside / "a.jpg").unlink()
    (inside / "a.jpg").symlink_to(outside / "a.jpg")
    (inside / "d").symlink_to(outside / "d")
    for entry in listed:
        with pytest.raises(EntryRefused, match="cannot be read"):
            list(source.read(entry))
    source.close()


@pytest.mark.parametrize("change", [b"", b"longer than before"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, change: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "PIECE", 4)
    fill(tmp_path, {"a.jpg": b"before now"})
    source = FolderSource(tmp_path)
    [entry] = source.entries()
    reading = source.read(entry)
    next(reading)
    (tmp_path / "a.jpg").write_bytes(change)
    with pytest.raises(EntryRefused, match="changed while it was read"):
        list(reading)
    source.close()


def test_names_of_all_sorts_are_kept_readable(tmp_path: Path) -> None:
    for name in (b"caf\xe9.jpg", b"line\nend.jpg", "é.jpg".encode(), b"-rf.jpg", b"A.jpg", b"a.jpg"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(picture(len(name)))
    take(tmp_path)
    found = verdicts()
    assert set(found) == {"caf\\xe9.jpg", "line\\nend.jpg", "é.jpg", "-rf.jpg", "A.jpg", "a.jpg"}
    assert "not UTF-8" in found["caf\\xe9.jpg"][1]
    assert "upper and lower case" in found["a.jpg"][1]
    assert {verdict for verdict, _ in found.values()} == {"created"}
    assert take(tmp_path).counts == NONE | {"unchanged": 6}


def test_what_lies_too_deep_or_has_too_long_a_path_is_refused(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 70)
    fill(tmp_path, {"/".join(["l" * 120] * 5) + "/a.jpg": picture(1), "b.jpg": picture(2)})
    fill(deep, {"a.jpg": picture(1)})
    assert take(tmp_path).counts == NONE | {"created": 1, "refused": 2}
    assert sorted(reason for verdict, reason in verdicts().values() if verdict == "refused") == [
        "It lies too deep.",
        "Its path is longer than 512 bytes.",
    ]


def test_a_listing_is_stable_and_holds_a_page_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {f"{folder}{number}.jpg" for folder in ("", "a/", "B/", "a.b/") for number in range(7)}
    fill(tmp_path, dict.fromkeys(names, b"x"))
    source = FolderSource(tmp_path)
    whole = [entry.path for entry in source.entries()]
    monkeypatch.setattr(folders, "PAGE", 2)
    assert [entry.path for entry in source.entries()] == whole
    assert set(whole) == names
    source.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_cannot_be_read_is_listed(tmp_path: Path) -> None:
    fill(tmp_path, {"a.jpg": picture(1), "d/b.jpg": picture(2)})
    (tmp_path / "a.jpg").chmod(0)
    (tmp_path / "d").chmod(0)
    outcome = take(tmp_path)
    (tmp_path / "d").chmod(0o700)
    assert outcome.counts == NONE | {"refused": 2}


# --- The command -----------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_be_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(
        tmp_path, sequence(2) | {"again/x.jpg": picture(9), "x.jpg": picture(9), "bad.jpg": b"no", "labels/z.txt": b""}
    )
    before = everything()
    code, said = told(str(tmp_path), "--dry-run", capsys=capsys)
    assert everything() == before
    assert not ImportRun.objects.exists()
    code_then, said_then = told(str(tmp_path), capsys=capsys)
    assert (code, said | {"run": 0}) == (code_then, said_then | {"run": 0})
    assert (code, said["created"], said["unchanged"], len(said["refused"])) == (1, 5, 1, 2)
    assert told(str(tmp_path), "--dry-run", capsys=capsys)[1]["created"] == 0


def test_the_command_says_whose_it_is(tmp_path: Path, cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, {"a.jpg": picture(1)})
    assert told(str(tmp_path), "--owner", "Carl", "--source", "old disks", capsys=capsys)[0] == 0
    assert told(str(tmp_path), "--organisation", "valley watch", capsys=capsys)[1]["created"] == 1
    rows = Media.objects.order_by("pk").values_list("owner__login", "organisation__name", "source")
    assert list(rows) == [("carl", "Forest Watch", "old disks"), (None, "Valley Watch", "")]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["/no/such/folder"], "no such folder or file"),
        ([".", "--owner", "nobody"], "no active access"),
        ([".", "--organisation", "Nobody"], "no organisation"),
        ([".", "--parallel", "0"], "from 1 to 64"),
        ([".", "--source", "x" * 101], "at most 100"),
        (["s3://"], "s3://bucket/prefix"),
        (["s3://bucket/x?y=z"], "s3://bucket/prefix"),
    ],
)
def test_what_cannot_be_done_is_said_and_ends_with_2(words: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why) as refused:
        call_command("ingest", *words)
    assert refused.value.returncode == 2
    assert not ImportRun.objects.exists()


def test_words_for_people_name_what_was_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, {"a.jpg": picture(1), **{f"bad{number:02}.jpg": b"no" for number in range(25)}})
    with pytest.raises(CommandError, match=r"25 file\(s\) were refused"):
        call_command("ingest", str(tmp_path))
    said = capsys.readouterr().out
    assert "refused  bad00.jpg: This looks like text" in said
    assert "... and 5 more refused." in said
    assert "26 files seen: 1 created, 0 unchanged, 25 refused, 0 skipped." in said


# --- Trouble on the way ----------------------------------------------------------------------------


def test_an_outage_ends_the_run_and_the_next_one_goes_on(tmp_path: Path, cues: dict[str, Cue]) -> None:
    fill(tmp_path, sequence(4))
    cues["before put"] = fail(StoreUnavailable("The store does not answer."))
    with pytest.raises(Busy):
        take(tmp_path)
    assert ImportRun.objects.get().state == "failed"
    assert not Media.objects.exists()
    cues.clear()
    assert take(tmp_path).counts == NONE | {"created": 8}


def test_a_run_that_was_closed_meanwhile_stops(tmp_path: Path) -> None:
    fill(tmp_path, {"a.jpg": picture(1)})
    run = ImportRun.objects.create(source="x", state="cancelled")
    with pytest.raises(journal.Superseded):
        journal.Written(run).keep([journal.judged("a", "skipped", "x")])


def test_a_run_that_was_killed_is_closed_by_the_next_of_its_source(tmp_path: Path) -> None:
    fill(tmp_path, {"a.jpg": picture(1)})
    killed = ImportRun.objects.create(source=str(tmp_path))
    other = ImportRun.objects.create(source="elsewhere")
    run = take(tmp_path).run
    killed.refresh_from_db()
    other.refresh_from_db()
    assert run
    assert (killed.state, killed.error) == ("cancelled", f"Import {run.pk} of the same source took over.")
    assert (run.state, other.state) == ("running", "running")  # `run` as it began
    assert ImportRun.objects.get(pk=run.pk).state == "done"


def test_a_second_look_costs_a_few_queries_for_hundreds_of_files(tmp_path: Path) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            take(tmp_path)
        return len(caught)

    fill(tmp_path, {f"{number}.jpg": picture(number) for number in range(10)})
    take(tmp_path)
    few = queries()
    fill(tmp_path, {f"{number}.jpg": picture(number) for number in range(200)})
    take(tmp_path)
    assert queries() <= few + 3  # SQLite takes some hundred values in one statement


def test_the_first_look_costs_a_few_queries_for_fifty_files(tmp_path: Path) -> None:
    fill(tmp_path, {f"{number}.jpg": picture(number) for number in range(50)})
    with CaptureQueriesContext(connection) as caught:
        take(tmp_path)
    assert len([query for query in caught if "curation_job" not in query["sql"]]) < 50


def test_no_source_is_read_where_this_service_keeps_its_objects(settings: Any) -> None:
    if not settings.BUCKET_NAME:
        with pytest.raises(CannotRead, match="in a bucket"):
            take("s3://bucket/prefix")
        return
    for prefix in ("", "media", "media/ab", "incoming/", "m"):
        if prefix != "m":
            with pytest.raises(CannotRead, match="its own objects"):
                take(f"s3://{settings.BUCKET_NAME}/{prefix}")


# --- Buckets ---------------------------------------------------------------------------------------


@pytest.fixture
def other_bucket(settings: Any) -> str:
    """A bucket beside ours, at the same store."""
    if not settings.BUCKET_NAME:
        pytest.skip("needs a bucket as the store")
    name = f"other-{secrets.token_hex(4)}"
    _client(settings).create_bucket(Bucket=name)
    return name


def _client(settings: Any) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=settings.S3["S3_ENDPOINT_URL"],
        aws_access_key_id=settings.S3["S3_ACCESS_KEY"],
        aws_secret_access_key=settings.S3["S3_SECRET_KEY"],
        region_name=settings.S3["S3_REGION"],
    )


def test_a_prefix_of_another_bucket_is_taken_in(settings: Any, other_bucket: str) -> None:
    files = sequence(3) | {"bad.jpg": b"no", "odd name/é.jpg": picture(8)}
    for name, content in files.items():
        _client(settings).put_object(Bucket=other_bucket, Key=f"season/{name}", Body=content)
    _client(settings).put_object(Bucket=other_bucket, Key="elsewhere/x.jpg", Body=picture(7))
    address = f"s3://{other_bucket}/season"
    assert take(address).counts == NONE | {"created": 7, "refused": 1}
    assert take(address).counts == NONE | {"unchanged": 7, "refused": 1}
    assert set(Media.objects.values_list("sequence", flat=True)) == {"", FRAME.format(0)}
    assert Media.objects.count() == 4


def test_a_bucket_that_is_not_there_is_an_outage(settings: Any, other_bucket: str) -> None:
    with pytest.raises(Busy):
        take(f"s3://{other_bucket}-gone/x")
