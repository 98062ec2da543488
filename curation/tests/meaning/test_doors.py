"""Labels that are uploaded: over the API, in the admin, and the job behind both."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Access
from accounts.refusals import ScopeRefused
from accounts.tests.cast import Cast, api, make_access, with_password
from curation.actions.imports import CannotRead
from curation.actions.taxonomy import new_mapping
from curation.actions.working import Stopped
from curation.models import Annotation, ImportItem, ImportRun, Job, Origin, Region, StoredObject
from curation.tests import acting
from curation.tests.contract.helpers import everything
from curation.tests.deeds import NOBODY
from curation.tests.importing.test_doors import Attempt
from curation.tests.meaning.helpers import NAMES, coco, named, shown
from curation.tests.pictures import part, zipped

pytestmark = pytest.mark.django_db
BOXES = coco([{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "none.jpg"}], [(1, 3), (1, 1), (1, 2), (2, 3)])
RULES: Any = {"mapping": "smoke=smoke,Fire=drop"}


def send(access: Access, content: Any = BOXES, name: str = "boxes.json", **fields: Any) -> Any:
    headers = {key: fields.pop(key) for key in list(fields) if key.startswith("HTTP_")}
    body = {"file": part(content, name)} | fields
    return api(access).post("/api/v1/annotation-imports", body, format="multipart", **headers)


def work(run_id: int, **options: Any) -> Attempt:
    attempt = Attempt(Job.objects.get(kind="import_annotations", key=str(run_id)).payload, **options)
    acting.act("import_annotations", attempt)
    return attempt


def test_a_file_is_accepted_worked_at_and_told_of(cast: Cast) -> None:
    media = named("a.jpg", 1)
    answer = send(cast.carl, **RULES)
    assert answer.status_code == 202
    told = answer.json()
    assert (told["kind"], told["state"], told["claim"]) == ("annotations", "running", None)
    mapping = {"name": "", "version": None, "rules": {"smoke": "smoke", "Fire": "drop"}, "on_unknown": "refuse"}
    assert told["mapping"] == mapping
    work(told["id"])
    told = api(cast.carl).get(f"/imports/{told['id']}").json()
    assert (told["state"], told["seen"], told["created"], told["not_found"]) == ("done", 2, 1, 1)
    assert (told["regions_kept"], told["regions_dropped"], told["regions_refused"]) == (1, 1, 2)
    assert shown(media) == [("smoke", None)]
    assert Annotation.objects.get().owner == cast.carl
    items = api(cast.carl).get(f"/imports/{told['id']}/items").json()
    assert [(item["path"], item["verdict"], item["regions_kept"]) for item in items] == [
        ("boxes.json: a.jpg", "created", 1),
        ("boxes.json: none.jpg", "not_found", 0),
    ]
    assert items[0]["told"] == [
        {"where": "annotations[1]", "class_name": "Fire", "what": "dropped"},
        {"where": "annotations[2]", "class_name": "default", "what": "refused, the mapping does not name it"},
    ]
    found = api(cast.carl).get(f"/imports/{told['id']}/items?verdict=not_found").json()
    assert [item["reason"] for item in found] == ["No media has this file name."]


def test_the_report_is_a_table_with_what_became_of_regions(cast: Cast) -> None:
    named("a.jpg", 1)
    run = send(cast.carl, **RULES).json()["id"]
    work(run)
    answer = api(cast.carl).get(f"/imports/{run}/report.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert [(row["path"], row["verdict"], row["regions_dropped"]) for row in rows] == [
        ("boxes.json: a.jpg", "created", "1"),
        ("boxes.json: none.jpg", "not_found", "0"),
    ]
    assert rows[0]["told"].startswith("annotations[1] (Fire): dropped; annotations[2] (default): refused")


def test_an_archive_of_labels_is_freed_and_its_files_are_kept(cast: Cast) -> None:
    media = named("a.jpg", 1)
    files = {"data.yaml": NAMES, "labels_predictions/a.txt": b"2 0.5 0.5 0.1 0.1 0.7\n"}
    run = send(cast.carl, zipped(files), "labels.zip", **RULES).json()["id"]
    work(run)
    row = ImportRun.objects.get()
    assert (row.state, row.archive.name, row.created) == ("done", "", 1)
    assert shown(media) == [("smoke", 0.7)]
    assert Annotation.objects.get().origin == Origin.PREDICTION


def test_truth_a_model_and_names_come_along(cast: Cast) -> None:
    named("a.jpg", 1)
    files = zipped({"labels/a.txt": b"1 0.5 0.5 0.1 0.1\n"})
    told = {"classes": "fire,smoke", "claim": "predictions", "model": "yolo@11", "mapping": "smoke=smoke"}
    work(send(cast.carl, files, "labels.zip", **told).json()["id"])
    row = Annotation.objects.get()
    assert (row.origin, row.model_name, row.model_version, row.regions_count) == (Origin.PREDICTION, "yolo", "11", 1)
    work(send(cast.carl, claim="truth", **RULES).json()["id"])
    assert Region.objects.get(origin=Origin.IMPORTED).is_truth


def test_a_stored_mapping_is_used_and_recorded_with_its_version(cast: Cast) -> None:
    named("a.jpg", 1)
    new_mapping("fires", {"smoke": "wildfire"}, "drop", by=NOBODY)
    told = send(cast.carl, mapping="fires").json()
    assert (told["mapping"]["name"], told["mapping"]["version"]) == ("fires", 1)
    new_mapping("fires", {"smoke": "smoke"}, "drop", by=NOBODY)  # too late for what was asked before
    work(told["id"])
    row = Annotation.objects.select_related("current").get()
    assert row.current
    assert row.current.report
    assert row.current.report["mapping"] == {"name": "fires", "version": 1, "import": told["id"]}
    assert Region.objects.get().label == Region.objects.get(label__code="wildfire").label


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({}, "mapping"),
        ({"mapping": "smoke=smog"}, "mapping"),
        ({"mapping": "smoke=smoke", "claim": "gospel"}, "claim"),
        ({"mapping": "smoke=smoke", "unmapped": "guess"}, "unmapped"),
        ({"mapping": "smoke=smoke", "classes": "a,,b"}, "classes"),
        ({"mapping": "smoke=smoke", "model": "yolo"}, "model"),
        ({"mapping": "x" * 100_001}, "mapping"),
    ],
)
def test_a_field_that_cannot_be_is_422_and_nothing_is_kept(cast: Cast, fields: Any, where: str) -> None:
    before = everything()
    answer = send(cast.carl, **fields)
    assert answer.status_code == 422
    assert [problem["loc"][-1] for problem in answer.json()["detail"]] == [where]
    assert everything() == before


def test_what_is_neither_text_nor_an_archive_is_415(cast: Cast) -> None:
    assert send(cast.carl, b"\x89PNG\r\n\x1a\n" + bytes(100), **RULES).status_code == 415
    assert not ImportRun.objects.exists()


def test_the_same_key_is_one_import(cast: Cast) -> None:
    answers = [send(cast.carl, HTTP_IDEMPOTENCY_KEY="once", **RULES) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert ImportRun.objects.count() == Job.objects.count() == 1
    assert send(cast.carl, HTTP_IDEMPOTENCY_KEY="once", mapping="smoke=wildfire").status_code == 422


def test_a_job_that_was_stopped_goes_on_and_counts_as_if_it_had_not_been(cast: Cast) -> None:
    named("a.jpg", 1)
    run = send(cast.carl, **RULES).json()["id"]
    with pytest.raises(Stopped):
        work(run, stops=True)
    work(run)
    row = ImportRun.objects.get()
    assert (row.state, row.created, row.unchanged, row.regions_kept) == ("done", 1, 0, 1)
    assert ImportItem.objects.count() == 2
    work(run)  # delivered once more
    assert ImportItem.objects.count() == 2


def test_who_lost_the_right_meanwhile_imports_nothing(cast: Cast) -> None:
    named("a.jpg", 1)
    run = send(cast.carl, **RULES).json()["id"]
    Access.objects.filter(pk=cast.carl.pk).update(scope="user")
    with pytest.raises(ScopeRefused):
        work(run)
    assert (ImportRun.objects.get().state, Annotation.objects.count()) == ("failed", 0)


def test_an_archive_that_is_hostile_fails_with_a_sentence(cast: Cast) -> None:
    run = send(cast.carl, zipped({"../a.txt": b"0 0.5 0.5 0.1 0.1"}), "a.zip", **RULES).json()["id"]
    with pytest.raises(CannotRead, match="leads out of it"):
        work(run)
    row = ImportRun.objects.get()
    assert (row.state, "leads out" in row.error, row.archive.name) == ("failed", True, "")


# --- The workbench ---------------------------------------------------------------------------------


@pytest.fixture
def desk(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.carl)
    return client


def test_a_curator_uploads_chooses_a_mapping_and_reads_the_result(cast: Cast, desk: Client) -> None:
    named("a.jpg", 1)
    new_mapping("fires", {"smoke": "smoke", "Fire": "drop"}, "refuse", by=NOBODY)
    add = reverse("admin:curation_annotationimport_add")
    assert "fires, version 1" in desk.get(add).content.decode()
    asked = {"upload": part(BOXES, "boxes.json"), "stored": "fires@1", "claim": "truth"}
    assert desk.post(add, asked).status_code == 302
    run = ImportRun.objects.get()
    work(run.pk)
    page = desk.get(reverse("admin:curation_annotationimport_change", args=[run.pk])).content.decode()
    for words in (
        "fires, version 1",
        "Fire = <code>drop</code>",
        "none.jpg",
        "annotations[1] (Fire): dropped",
        "truth",
    ):
        assert words in page
    listed = desk.get(reverse("admin:curation_annotationimport_changelist")).content.decode()
    assert "boxes.json" in listed
    assert "boxes.json" not in desk.get(reverse("admin:curation_importrun_changelist")).content.decode()
    report = desk.get(reverse("admin:curation_annotationimport_report", args=[run.pk]))
    assert b"none.jpg" in b"".join(report)
    assert desk.get(reverse("admin:curation_importrun_report", args=[run.pk])).status_code == 404


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"mapping": "smoke=smoke"}, "Choose a file."),
        ({"upload": BOXES}, "Choose a mapping or write rules, one of both."),
        ({"upload": BOXES, "mapping": "smoke = smog"}, "there is no living label smog"),
        ({"upload": BOXES, "mapping": "smoke = smoke", "model": "yolo"}, "A model is named for predictions alone."),
    ],
)
def test_a_form_that_cannot_be_comes_back_with_the_reason(desk: Client, fields: Any, sentence: str) -> None:
    asked = {name: part(value, "a.json") if name == "upload" else value for name, value in fields.items()}
    answer = desk.post(reverse("admin:curation_annotationimport_add"), asked)
    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert not ImportRun.objects.exists()
    assert not StoredObject.objects.exists()


def test_nothing_of_it_is_for_annotators(cast: Cast) -> None:
    assert send(cast.ana, **RULES).status_code == 403
    client = Client()
    client.force_login(with_password(make_access("ann", "user")))
    assert client.get(reverse("admin:curation_annotationimport_add")).status_code in (302, 403)
