"""Archives that are uploaded: over the API, in the admin, and the job behind both."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Access
from accounts.refusals import Busy, ScopeRefused
from accounts.scopes import Scope
from accounts.tests.cast import Cast, api
from curation.actions import imports
from curation.actions.working import Stopped
from curation.models import Annotation, ImportItem, ImportRun, Job, Media, StoredObject
from curation.storage.errors import DiskFull, StoreUnavailable
from curation.tests import acting
from curation.tests.contract.helpers import everything
from curation.tests.deeds import collect_now
from curation.tests.importing.helpers import sequence, tarred, verdicts
from curation.tests.pictures import LABEL, part, picture, zipped
from curation.tests.stage import fail, on_stage

pytestmark = pytest.mark.django_db
GOOD = sequence(3) | {"bad.jpg": b"no picture", "Thumbs.db": b"x"}


@dataclass
class Attempt:
    """A worker's attempt at a job, which may be stopped at its first sign of life."""

    payload: dict[str, Any]
    stops: bool = False
    told: list[int] = field(default_factory=list)

    def progress(self, done: int, total: int | None = None) -> None:
        self.told.append(done)
        if self.stops:
            raise Stopped


def send(access: Access, content: bytes, name: str = "a.zip", **fields: Any) -> Any:
    headers = {key: fields.pop(key) for key in list(fields) if key.startswith("HTTP_")}
    return api(access).post("/api/v1/imports", {"file": part(content, name)} | fields, format="multipart", **headers)


def work(run_id: int, **options: Any) -> Attempt:
    attempt = Attempt(Job.objects.get(kind="import", key=str(run_id)).payload, **options)
    acting.act("import", attempt)
    return attempt


def test_an_archive_is_accepted_worked_at_and_told_of(cast: Cast) -> None:
    answer = send(cast.carl, zipped(GOOD), source="old disks")
    assert answer.status_code == 202
    said = answer.json()
    assert (said["state"], said["source"], said["seen"], said["owner"]) == ("running", "a.zip", 0, cast.carl.pk)
    assert said["size"] == len(zipped(GOOD))
    assert not Media.objects.exists()

    assert work(said["id"]).told[-1] == len(GOOD)

    carl = api(cast.carl)
    done = carl.get(f"/api/v1/imports/{said['id']}").json()
    counts = [done[name] for name in ("state", "seen", "created", "unchanged", "refused", "skipped")]
    assert counts == ["done", 8, 6, 0, 1, 1]
    assert done["finished_at"]
    media = Media.objects.order_by("pk").first()
    assert media
    assert (media.owner, media.organisation, media.source) == (cast.carl, cast.carl.organisation, "old disks")
    items = carl.get(f"/api/v1/imports/{said['id']}/items?after=0").json()
    assert len(items) == 8
    [refused] = carl.get(f"/api/v1/imports/{said['id']}/items?verdict=refused").json()
    assert (refused["path"], refused["media_id"]) == ("bad.jpg", None)
    assert "looks like text" in refused["reason"]


def test_items_are_paged_by_key(cast: Cast) -> None:
    run = ImportRun.objects.create(owner=cast.carl, source="x", state="done")
    ImportItem.objects.bulk_create(ImportItem(run=run, path=f"{n}", verdict="skipped") for n in range(7))
    carl, found, address = api(cast.carl), [], f"/imports/{run.pk}/items?limit=3&after=0"
    while address:
        answer = carl.get(address)
        found += [item["path"] for item in answer.json()]
        link = [part for part in answer.get("Link", "").split(", ") if 'rel="next"' in part]
        address = link[0].split(">")[0].strip("<").partition("testserver")[2] if link else ""
    assert found == [str(n) for n in range(7)]


@pytest.mark.parametrize("query", ["verdict=lost", "verdict=", "colour=red", "after=x", "limit=0", "limit=1001"])
def test_items_refuse_what_they_do_not_understand(cast: Cast, query: str) -> None:
    run = ImportRun.objects.create(owner=cast.carl, source="x")
    assert api(cast.carl).get(f"/imports/{run.pk}/items?{query}").status_code == 422


def test_the_report_is_streamed_and_holds_no_formula(cast: Cast) -> None:
    run = ImportRun.objects.create(owner=cast.carl, source="x", state="done")
    names = ["=cmd|' /C calc'!A0", "+1", "-1", "@x", "\tx", " =1", 'quo"te, comma', "é" * 300, "plain.jpg"]
    ImportItem.objects.bulk_create(ImportItem(run=run, path=n, verdict="refused", reason=n) for n in names)
    answer = api(cast.carl).get(f"/imports/{run.pk}/report.csv")
    assert answer.streaming
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="import-{run.pk}.csv"'
    head, *rows = csv.reader(io.StringIO(b"".join(answer).decode()))
    assert head == ["path", "verdict", "reason", "sha256", "size", "media_id", "annotation_id"]
    cells = [row[0] for row in rows]
    assert [cell.removeprefix("'") for cell in cells] == names
    assert not [cell for cell in cells if cell.lstrip()[:1] in "=+-@"]
    assert cells[-1] == "plain.jpg"


def test_a_report_of_thousands_of_rows_is_read_page_by_page(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "PAGE", 10)
    run = ImportRun.objects.create(owner=cast.carl, source="x")
    ImportItem.objects.bulk_create(ImportItem(run=run, path=f"{n}", verdict="skipped") for n in range(25))
    assert len(list(imports.report(run))) == 1 + 3


@pytest.mark.parametrize("content", [b"", b"hello", picture(1), b"Rar!\x1a\x07"])
def test_what_is_no_archive_is_refused_at_the_door(cast: Cast, content: bytes) -> None:
    before = everything()
    answer = send(cast.carl, content)
    assert answer.status_code == 415
    assert "no archive that we open" in answer.json()["detail"]
    assert everything() == before


@pytest.mark.parametrize("source", ["x" * 101, "a\nb"])
def test_an_unreadable_source_is_refused(cast: Cast, source: str) -> None:
    assert send(cast.carl, zipped({}), source=source).status_code == 422
    assert not ImportRun.objects.exists()


def test_an_archive_has_a_largest_size(cast: Cast, settings: Any) -> None:
    content = zipped(GOOD)
    for spare, status in ((-1, 413), (0, 202), (1, 202)):
        settings.IMPORT_MAX_BYTES = len(content) + spare
        assert send(cast.carl, content).status_code == status


def test_a_declared_digest_and_an_idempotency_key_hold(cast: Cast) -> None:
    content = zipped(GOOD)
    assert send(cast.carl, content, sha256="0" * 64).status_code == 422
    first = send(cast.carl, content, HTTP_IDEMPOTENCY_KEY="k").json()
    assert send(cast.carl, content, HTTP_IDEMPOTENCY_KEY="k").json() == first
    assert send(cast.carl, zipped({}), HTTP_IDEMPOTENCY_KEY="k").status_code == 422
    assert (ImportRun.objects.count(), Job.objects.filter(kind="import").count()) == (1, 1)


def test_strangers_learn_nothing_of_an_import(cast: Cast) -> None:
    run = ImportRun.objects.create(owner=cast.carl, organisation=cast.carl.organisation, source="x")
    for path in ("", "/items", "/report.csv"):
        assert api(cast.ana).get(f"/imports/{run.pk}{path}").status_code == 403
        assert api(cast.ana).get(f"/imports/{run.pk + 1}{path}").status_code == 403
        assert api(cast.ada).get(f"/imports/{run.pk + 1}{path}").status_code == 404
        assert api(cast.ada).get(f"/imports/{10**25}{path}").status_code == 404
        assert api(cast.ada).get(f"/imports/{run.pk}{path}").status_code == 200


# --- The job ---------------------------------------------------------------------------------------


def test_a_hostile_archive_fails_whole_with_its_sentence(cast: Cast) -> None:
    run_id = send(cast.carl, tarred({"a.jpg": picture(1), "../b.jpg": picture(2)}), "a.tar").json()["id"]
    with pytest.raises(imports.CannotRead, match=r"leads out of it: \.\./b\.jpg"):
        work(run_id)
    said = api(cast.carl).get(f"/imports/{run_id}").json()
    assert said["state"] == "failed"
    assert "leads out of it: ../b.jpg" in said["error"]
    assert not Media.objects.exists()


def test_a_job_that_was_stopped_goes_on_and_says_what_was_made_in_all(cast: Cast) -> None:
    run_id = send(cast.carl, zipped(GOOD)).json()["id"]
    with pytest.raises(Stopped):
        work(run_id, stops=True)
    assert ImportRun.objects.get().state == "running"
    work(run_id)
    counts = {name: getattr(ImportRun.objects.get(), name) for name in ("created", "unchanged", "refused", "skipped")}
    ImportRun.objects.update(state="running")  # as if its end had not been heard
    archive = send(cast.carl, zipped(GOOD)).json()["id"]
    ImportRun.objects.filter(pk=run_id).update(archive=ImportRun.objects.get(pk=archive).archive.name)
    work(run_id)
    run = ImportRun.objects.get(pk=run_id)
    assert {name: getattr(run, name) for name in counts} == counts == {
        "created": 6, "unchanged": 0, "refused": 1, "skipped": 1,
    }  # fmt: skip
    assert (Media.objects.count(), Annotation.objects.count(), run.items.count()) == (3, 3, 8)


def test_a_job_that_is_delivered_again_does_nothing(cast: Cast) -> None:
    run_id = send(cast.carl, zipped(GOOD)).json()["id"]
    work(run_id)
    before = everything()
    assert work(run_id).told == []
    assert everything() == before


def test_the_archive_is_freed_when_the_run_has_ended(cast: Cast) -> None:
    run_id = send(cast.carl, zipped(GOOD)).json()["id"]
    key = ImportRun.objects.get().archive.name
    collect_now()
    assert StoredObject.objects.filter(key=key).exists()
    work(run_id)
    collect_now()
    assert not StoredObject.objects.filter(key=key).exists()
    run = ImportRun.objects.get()
    assert (run.archive.name, run.size, len(run.sha256)) == ("", len(zipped(GOOD)), 64)


def test_an_owner_who_lost_the_right_meanwhile_imports_nothing(cast: Cast) -> None:
    run_id = send(cast.carl, zipped(GOOD)).json()["id"]
    Access.objects.filter(pk=cast.carl.pk).update(scope=Scope.USER)
    with pytest.raises(ScopeRefused):
        work(run_id)
    assert not Media.objects.exists()
    assert ImportRun.objects.get().state == "failed"


@pytest.mark.parametrize("trouble", [StoreUnavailable("The store does not answer."), DiskFull("The disk is full.")])
def test_a_store_in_trouble_is_waited_for(cast: Cast, settings: Any, trouble: Exception) -> None:
    run_id = send(cast.carl, zipped(GOOD)).json()["id"]
    cues = on_stage(settings)
    cues["before put"] = fail(trouble)
    with pytest.raises(Busy):
        work(run_id)
    assert ImportRun.objects.get().state == "running"
    cues.clear()
    work(run_id)
    assert ImportRun.objects.get().created == 6


@pytest.mark.parametrize(("job", "state"), [("dead", "failed"), ("failed", "failed"), ("cancelled", "cancelled")])
def test_a_run_whose_job_ended_without_a_word_does_not_seem_to_run(cast: Cast, job: str, state: str) -> None:
    run_id = send(cast.carl, zipped(GOOD)).json()["id"]
    Job.objects.filter(kind="import").update(state=job, error="It was tried five times.")
    said = api(cast.carl).get(f"/imports/{run_id}").json()
    assert (said["state"], said["error"]) == (state, "It was tried five times.")


# --- The admin -------------------------------------------------------------------------------------


@pytest.fixture
def desk(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.carl, backend="accounts.backends.AccessBackend")
    return client


def test_a_curator_uploads_an_archive_and_watches(desk: Client, cast: Cast) -> None:
    add = reverse("admin:curation_importrun_add")
    assert "Archive" in desk.get(add).content.decode()
    answer = desk.post(add, {"upload": part(zipped(GOOD | {"<b>.jpg": picture(77)}), "a.zip"), "source": ""})
    run = ImportRun.objects.get()
    page = reverse("admin:curation_importrun_change", args=[run.pk])
    assert (answer.status_code, answer["Location"]) == (302, page)
    running = desk.get(page).content.decode()
    assert 'data-watch="running"' in running
    assert "None yet." in running
    work(run.pk)
    done = desk.get(page).content.decode()
    assert 'data-watch="done"' in done
    assert "bad.jpg" in done
    assert "&lt;b&gt;.jpg" in done
    assert "bad.jpg" not in desk.get(f"{page}?verdict=created").content.decode()
    report = desk.get(reverse("admin:curation_importrun_report", args=[run.pk]))
    assert len(b"".join(report).splitlines()) == 1 + len(verdicts(run))
    assert run.source in desk.get(reverse("admin:curation_importrun_changelist")).content.decode()


def test_the_form_says_what_is_wrong_with_an_archive(desk: Client) -> None:
    add = reverse("admin:curation_importrun_add")
    assert "Choose an archive." in desk.post(add, {"source": ""}).content.decode()
    assert "no archive that we open" in desk.post(add, {"upload": part(LABEL, "a.zip")}).content.decode()
    assert not ImportRun.objects.exists()


def test_the_page_shows_a_hundred_files_and_the_way_to_more(desk: Client, cast: Cast) -> None:
    run = ImportRun.objects.create(owner=cast.carl, source="x")
    ImportItem.objects.bulk_create(ImportItem(run=run, path=f"f{n:03}", verdict="skipped") for n in range(101))
    page = reverse("admin:curation_importrun_change", args=[run.pk])
    first = desk.get(page)
    more = first.context["more"]
    assert "f099" in first.content.decode()
    assert "f100" not in first.content.decode()
    second = desk.get(f"{page}?after={more}").content.decode()
    assert "f100" in second
    assert "More files" not in second
    for odd in ("after=x", "after=%C2%B2", "verdict=lost", f"after={10**30}"):
        assert desk.get(f"{page}?{odd}").status_code == 200


def test_nobody_changes_or_deletes_an_import(desk: Client, cast: Cast) -> None:
    run = ImportRun.objects.create(owner=cast.carl, source="x")
    client = Client()
    client.force_login(cast.ada, backend="accounts.backends.AccessBackend")
    for who in (desk, client):
        assert who.post(reverse("admin:curation_importrun_change", args=[run.pk]), {"source": "y"}).status_code == 403
        assert who.post(reverse("admin:curation_importrun_delete", args=[run.pk]), {"post": "yes"}).status_code == 403
    assert ImportRun.objects.get().source == "x"
