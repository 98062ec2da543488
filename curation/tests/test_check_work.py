"""check_storage tells of work that does not come to its end, and of rows that say more than they know (I7, I13)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from accounts.tests.cast import Cast
from curation.actions.check import examine
from curation.actions.checking.work import DAY_PATIENCE, LEASE_PATIENCE
from curation.actions.duplicates.searching import begin_anew
from curation.models import (
    Annotation,
    Cluster,
    Derived,
    Fingerprint,
    ImportRun,
    Job,
    Media,
    MediaFact,
    StoredObject,
    Upload,
)
from curation.tests.deeds import key_of, stored_annotation, stored_media
from curation.tests.duplicates.rows import clustered

pytestmark = [pytest.mark.django_db, pytest.mark.damages_storage]

MINUTE = timedelta(minutes=1)


def found() -> set[tuple[str, str, int | None]]:
    return {(str(problem.code), problem.table, problem.row_id) for problem in examine(full=False).problems}


@pytest.mark.parametrize(("late", "is_found"), [(-MINUTE, False), (MINUTE, True)])
def test_a_running_job_whose_lease_ended_an_hour_ago_is_abandoned(late: timedelta, is_found: bool) -> None:
    ended = timezone.now() - LEASE_PATIENCE - late
    job = Job.objects.create(kind="derive", key="1:ab", state=Job.State.RUNNING, lease="a", lease_until=ended)
    assert found() == ({("job_abandoned", "job", job.pk)} if is_found else set())


@pytest.mark.parametrize(("late", "is_found"), [(-MINUTE, False), (MINUTE, True)])
def test_a_job_that_waits_for_two_days_shows_that_no_worker_runs(late: timedelta, is_found: bool) -> None:
    job = Job.objects.create(kind="derive", key="1:ab", not_before=timezone.now() - DAY_PATIENCE - late)
    assert found() == ({("job_not_begun", "job", job.pk)} if is_found else set())


@pytest.mark.parametrize("state", [Job.State.DONE, Job.State.FAILED, Job.State.DEAD, Job.State.CANCELLED])
def test_a_job_that_has_ended_is_no_problem_however_old(state: str) -> None:
    Job.objects.create(kind="derive", key="1:ab", state=state, not_before=timezone.now() - timedelta(days=400))
    assert found() == set()


@pytest.mark.parametrize(
    ("state", "late", "is_found"),
    [("open", -MINUTE, False), ("open", MINUTE, True), ("expired", MINUTE, False), ("cancelled", MINUTE, False)],
)
def test_an_upload_that_expired_two_days_ago_and_is_open_was_forgotten(
    cast: Cast, state: str, late: timedelta, is_found: bool
) -> None:
    upload = Upload.objects.create(
        owner=cast.carl, makes_media=True, type="image", size=1, sha256="ab" * 32, state=state,
        incoming_key="incoming/" + "a" * 32, expires_at=timezone.now() - DAY_PATIENCE - late,
        finished_at=None if state == "open" else timezone.now(),
    )  # fmt: skip
    assert found() == ({("upload_not_ended", "upload", upload.pk)} if is_found else set())


@pytest.mark.parametrize(
    ("state", "late", "is_found"), [("done", -MINUTE, False), ("done", MINUTE, True), ("failed", MINUTE, False)]
)
def test_an_import_that_ended_well_gives_up_its_archive(state: str, late: timedelta, is_found: bool) -> None:
    row = StoredObject.objects.get(key=key_of(stored_media()))
    run = ImportRun.objects.create(
        source="a.zip", archive=row.key, sha256=row.sha256, size=row.size, state=state,
        finished_at=timezone.now() - DAY_PATIENCE - late,
    )  # fmt: skip
    assert found() == ({("import_keeps_archive", "importrun", run.pk)} if is_found else set())


# --- What was made from a media --------------------------------------------------------------------


def _derived(media: Media, sha256: str) -> Derived:
    row = StoredObject.objects.get(key=media.file.name)
    columns = {"file": row.key, "sha256": row.sha256, "size": row.size, "width": 1, "height": 1}
    return Derived.objects.create(media=media, media_sha256=sha256, kind="small", **columns)


def _fingerprint(media: Media, sha256: str) -> Fingerprint:
    bands = {f"band{number}": 0 for number in range(4)}
    return Fingerprint.objects.create(media=media, media_sha256=sha256, dhash64=0, dhash256=b"0" * 32, **bands)


def _fact(media: Media, sha256: str) -> MediaFact:
    return MediaFact.objects.create(media=media, media_sha256=sha256)


@pytest.mark.parametrize("make", [_derived, _fingerprint, _fact])
def test_what_was_made_from_other_bytes_is_stale_unless_a_job_renews_it(
    make: Callable[[Media, str], Model],
) -> None:
    media = stored_media()
    row = make(media, "00" * 32)
    Job.objects.all().delete()
    stale = {("derived_stale", str(row._meta.model_name), row.pk)}
    assert found() == stale

    job = Job.objects.create(kind="derive", key=f"{media.pk}:{media.sha256[:16]}")
    assert found() == set()
    Job.objects.filter(pk=job.pk).update(state=Job.State.DEAD)
    assert found() == stale


@pytest.mark.parametrize("make", [_derived, _fingerprint, _fact])
def test_what_was_made_from_the_bytes_of_now_is_no_problem(make: Callable[[Media, str], Model]) -> None:
    media = stored_media()
    make(media, media.sha256)
    assert found() == set()


# --- Rows ------------------------------------------------------------------------------------------


def test_an_annotation_that_counts_regions_which_nobody_read_is_found() -> None:
    annotation = stored_annotation(stored_media())
    Annotation.objects.update(regions_count=1)
    assert found() == {("regions_without_source", "annotation", annotation.pk)}
    Annotation.objects.update(regions_count=0)
    assert found() == set()


@pytest.mark.parametrize("table", ["accounts_auditentry", "curation_annotationrevision"])
@pytest.mark.parametrize(
    "harm", ["DROP TRIGGER {0}_is_append_only ON {0}", "ALTER TABLE {0} DISABLE TRIGGER {0}_is_append_only"]
)
def test_a_history_that_could_be_rewritten_is_found(table: str, harm: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no such triggers: the managers refuse.")
    with connection.cursor() as cursor:
        cursor.execute(harm.format(table))
    assert found() == {("history_unguarded", table.partition("_")[2], None)}


def test_a_cluster_that_counts_other_media_than_it_has_is_found_and_mended() -> None:
    right, wrong, alone = clustered(3), clustered(3), clustered(1)
    Cluster.objects.filter(pk=wrong.pk).update(size=4, decision="keep_all", decided_at=timezone.now())
    decided_of_one = clustered(1)
    Cluster.objects.filter(pk=decided_of_one.pk).update(decision="keep_all", decided_at=timezone.now())
    assert found() == {("cluster_differs", "cluster", wrong.pk), ("cluster_differs", "cluster", alone.pk)}
    begin_anew()
    assert found() == set()
    assert not Cluster.objects.filter(pk=right.pk).exists()
    assert Cluster.objects.get(pk=wrong.pk).size == 3
