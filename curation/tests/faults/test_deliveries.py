"""C43: each kind of job delivered twice at once and again later; C44: delivered in the wrong order.

Here no lease keeps the second one away: what the leases promise, the actions do not rely on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Access, AuditEntry
from accounts.refusals import Refusal
from accounts.scopes import Scope
from accounts.tests.cast import make_access
from curation.actions import annotation_imports, collections, completing, imports, media, uploads
from curation.actions.check import examine
from curation.actions.duplicates import searching
from curation.jobs.handlers import HANDLERS
from curation.models import (
    Annotation,
    AnnotationRevision,
    Camera,
    Collection,
    CollectionItem,
    Derived,
    DuplicateSearch,
    Fingerprint,
    ImportItem,
    ImportRun,
    Job,
    Likeness,
    Media,
    MediaFact,
    Region,
    Sequence,
    SequenceItem,
    StoredObject,
    View,
)
from curation.models import Upload as UploadRow
from curation.storage.spool import spool
from curation.tests.deeds import (
    NOBODY,
    actor,
    collect_now,
    delete_long_ago,
    spooled,
    stored_annotation,
    stored_media,
    upload,
)
from curation.tests.duplicates.rows import seen
from curation.tests.importing.helpers import sequence
from curation.tests.labels import ship_labels
from curation.tests.meaning.helpers import VOC, asked, coco, named
from curation.tests.pictures import picture, zipped
from curation.tests.places import resolved, taken
from curation.tests.test_upload_races import arrived
from curation.tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
TABLES = (
    Media, Annotation, Derived, Fingerprint, MediaFact, StoredObject, ImportRun, ImportItem, UploadRow,
    Camera, View, Sequence, SequenceItem, AnnotationRevision, Region, Likeness, DuplicateSearch,
    Collection, CollectionItem,
)  # fmt: skip
TIMES = {"verified_at", "touched_at", "derived_at", "updated_at", "finished_at", "created_at", "lease_until", "id"}
Put = Callable[[Access], dict[str, Any]]


@dataclass
class Delivery:
    """An attempt whose lease nobody asks for."""

    payload: dict[str, Any]
    told: list[int] = field(default_factory=list)

    def progress(self, done: int, total: int | None = None) -> None:
        self.told.append(done)


def deliver(kind: str, payload: dict[str, Any]) -> None:
    HANDLERS[kind].action(Delivery(payload))


def state() -> dict[str, Any]:
    """All rows without times and numbers, and what was noted of each thing how often."""
    found: dict[str, Any] = {}
    for table in TABLES:
        rows: Any = table._default_manager.all().values()
        found[table.__name__] = sorted(
            repr(sorted((name, _plain(value)) for name, value in row.items() if name not in TIMES)) for row in rows
        )
    found["history"] = sorted(AuditEntry.objects.values_list("action", "table", "row_id"))
    return found


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


@pytest.fixture
def desk() -> Access:
    return make_access("desk", Scope.CURATOR)


# --- What each kind is about -------------------------------------------------------------------------


def a_picture(desk: Access) -> dict[str, Any]:
    row = stored_media(1, by=actor(desk))
    return {"media": row.pk, "sha256": row.sha256}


def an_upload(desk: Access) -> dict[str, Any]:
    begun = arrived(desk, picture(2))
    completing.complete(begun, by=actor(desk), later=True)
    return {"upload": begun.pk}


def an_archive(desk: Access) -> dict[str, Any]:
    content = zipped(sequence(3))
    with spool([content], limit=len(content)) as spooled:
        return {"run": imports.start(spooled, name="a.zip", source="", by=actor(desk)).pk}


def labels(desk: Access) -> dict[str, Any]:
    ship_labels()
    named("a.jpg", 6, owner=desk)
    with spooled(coco([{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "none.jpg"}], [(1, 3), (1, 1)])) as file:
        return {"run": annotation_imports.start(file, name="a.json", asked=asked(by=actor(desk))).pk}


def two_places(desk: Access) -> dict[str, Any]:
    return {"media": [taken(0).pk, taken(5, azimuth=127).pk]}


def something_unneeded(desk: Access) -> dict[str, Any]:
    row = stored_media(3, by=actor(desk))
    delete_long_ago(row)
    StoredObject.objects.update(touched_at=timezone.now() - timedelta(days=99), hold_until=None)
    return {}


def something_to_read(desk: Access) -> dict[str, Any]:
    stored_media(4, by=actor(desk))
    return {}


def something_idle(desk: Access) -> dict[str, Any]:
    begun = arrived(desk, picture(5))
    UploadRow.objects.filter(pk=begun.pk).update(expires_at=timezone.now() - timedelta(days=1))
    return {}


def a_file_of_labels(desk: Access) -> dict[str, Any]:
    ship_labels()
    row = stored_annotation(stored_media(7), VOC % b"smoke", by=actor(desk))
    return {"annotation": row.pk, "sha256": row.sha256}


def look_alikes(desk: Access) -> dict[str, Any]:
    for minute in range(3):
        seen(8, owner=desk, short=8, minutes=minute)
    searching.search_by_jobs(is_global=False, by=actor(desk))
    payload: dict[str, Any] = Job.objects.filter(kind="find_duplicates").earliest("pk").payload
    return payload


def a_search(desk: Access) -> dict[str, Any]:
    stored_media(9, by=actor(desk))
    kept = collections.create("all", query={"type": "image"}, by=actor(desk))
    return {"collection": kept.pk, "access": desk.pk}


def a_camera_with_a_place(desk: Access) -> dict[str, Any]:
    [row] = resolved(taken(0))
    assert row.view
    Camera.objects.filter(pk=row.view.camera_id).update(latitude=44.6, longitude=4.4)
    return {"camera": row.view.camera_id}


KINDS: dict[str, Put] = {
    "collect": something_unneeded,
    "complete_upload": an_upload,
    "derive": a_picture,
    "find_duplicates": look_alikes,
    "freeze": a_search,
    "import": an_archive,
    "import_annotations": labels,
    "light": a_camera_with_a_place,
    "read": a_file_of_labels,
    "resolve": two_places,
    "scrub": something_to_read,
    "sweep_uploads": something_idle,
}


def test_no_kind_is_left_out() -> None:
    assert set(KINDS) == set(HANDLERS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_that_is_delivered_twice_at_once_and_again_later_has_its_effect_once(kind: str, desk: Access) -> None:
    payload = KINDS[kind](desk)
    before = state()

    results = together([partial(deliver, kind, payload)] * 2)
    assert len([result for result in results if isinstance(result, Refusal)]) < 2
    deliver(kind, payload)
    once = state()
    deliver(kind, payload)

    assert state() == once
    assert once != before or kind == "scrub"  # which only notes when it has read
    assert_one_of_each(kind)
    Fingerprint.objects.filter(media__file="").delete()  # of pictures that are none
    collect_now()
    assert examine(full=True).clean


def assert_one_of_each(kind: str) -> None:
    """One media for each content, each with what is derived of it once, one end of each import and upload."""
    contents = list(Media.objects.living().stored().values_list("sha256", flat=True))
    without = dict.fromkeys(("collect", "sweep_uploads", "resolve", "light", "find_duplicates"), 0)
    assert len(contents) == len(set(contents)) == {"import": 3, **without}.get(kind, 1)
    assert Derived.objects.count() == (2 if kind == "derive" else 0)
    assert Annotation.objects.count() == {"import": 3, "import_annotations": 1, "read": 1}.get(kind, 0)
    assert Region.objects.count() == AnnotationRevision.objects.count() - {"import": 3, "read": 1}.get(kind, 0)
    assert not ImportRun.objects.exclude(state="done").exists()
    assert not UploadRow.objects.filter(finished_at=None).exists()


# --- In the wrong order ------------------------------------------------------------------------------


def test_small_pictures_of_the_first_version_that_come_after_those_of_the_second_change_nothing(desk: Access) -> None:
    first = a_picture(desk)
    row = upload(Media.objects.get(pk=first["media"]), picture(9), by=actor(desk))
    deliver("derive", {"media": row.pk, "sha256": row.sha256})
    second = state()

    deliver("derive", first)

    assert state() == second
    assert set(Derived.objects.values_list("media_sha256", flat=True)) == {row.sha256}


@pytest.mark.parametrize("kind", ["derive", "complete_upload", "import"])
def test_a_job_that_comes_after_the_end_of_what_it_is_about_does_nothing(kind: str, desk: Access) -> None:
    payload = KINDS[kind](desk)
    if kind == "derive":
        media.delete(Media.objects.get(pk=payload["media"]), by=actor(desk))
    elif kind == "complete_upload":
        uploads.cancel(UploadRow.objects.get(pk=payload["upload"]), by=NOBODY)
    else:
        ImportRun.objects.update(state="cancelled", finished_at=timezone.now(), archive="")
    before = state()

    deliver(kind, payload)

    assert state() == before
    assert not Derived.objects.exists()
    assert Job.objects.filter(kind=kind).exists()
