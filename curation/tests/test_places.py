"""Cameras and views are found by what came with the pictures, and merged without touching it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Access, AuditEntry, Organisation
from accounts.refusals import Conflict, Invalid
from accounts.tests.cast import Cast, api
from curation.actions import cameras, derive, media, merging, places
from curation.jobs.handlers import HANDLERS
from curation.models import Camera, CameraAlias, Job, Media, Sequence, StoredObject, View, ViewAlias
from curation.tests.deeds import NOBODY, actor, stored_media
from curation.tests.imaging_files import samples
from curation.tests.importing.helpers import fill, take, verdicts
from curation.tests.importing.test_doors import Attempt
from curation.tests.pictures import picture
from curation.tests.places import resolved, taken
from curation.tests.threads import together

pytestmark = pytest.mark.django_db


def run_jobs() -> None:
    """Do what waits for places, as a worker does."""
    for job in Job.objects.filter(kind="resolve", state="waiting"):
        HANDLERS["resolve"].action(Attempt(job.payload))
        job.delete()


def view_of(row: Media) -> View:
    row.refresh_from_db()
    assert row.view is not None
    return row.view


# --- Found -----------------------------------------------------------------------------------------


def test_the_second_picture_of_a_camera_finds_what_the_first_has_made() -> None:
    one, two, other = resolved(taken(), taken(1), taken(2, azimuth=127))
    assert one.view == two.view != other.view
    assert [(view.camera.name, view.azimuth) for view in View.objects.order_by("azimuth")] == [
        ("brison", 110), ("brison", 127),
    ]  # fmt: skip
    created = AuditEntry.objects.values_list("action", flat=True).order_by("action")
    assert list(created) == ["camera.create", "view.create", "view.create"]
    assert (one.camera, one.source, one.azimuth, one.version) == ("brison", "sdis-07", 110, 1)


@pytest.mark.parametrize(
    ("source", "camera", "is_same"),
    [
        ("pyronear-sdis-07", "brison", True),
        ("pyronear_sdis-07", "Brison ", True),
        ("SDIS-07", "BRISON", True),
        ("sdis-08", "brison", False),
        ("", "brison", False),
        ("sdis-07", "brison-2", False),
    ],
)
def test_spellings_of_one_name_are_one_camera(source: str, camera: str, is_same: bool) -> None:
    one, two = resolved(taken(), taken(source=source, camera=camera))
    assert (view_of(one).camera == view_of(two).camera) is is_same


def test_a_picture_that_names_no_camera_has_no_view() -> None:
    for row in resolved(taken(camera=""), taken(camera="  ")):
        assert row.view is None
    assert not Camera.objects.exists()


def test_an_unknown_azimuth_is_a_view_of_its_own() -> None:
    one, two, zero = resolved(taken(azimuth=None), taken(azimuth=None), taken(azimuth=0))
    assert one.view == two.view
    assert (view_of(one).azimuth, view_of(zero).azimuth) == (None, 0)


def test_names_belong_to_the_organisation_that_gives_them(cast: Cast) -> None:
    forest, valley = Organisation.objects.order_by("name")
    rows = resolved(taken(organisation=forest), taken(organisation=valley), taken(), taken(organisation=forest))
    owners = [view_of(row).camera.organisation for row in rows]
    assert owners == [forest, valley, None, forest]
    assert Camera.objects.count() == 3


def test_resolving_twice_is_as_once() -> None:
    rows = [taken(), taken(5), taken(azimuth=None)]
    resolved(*rows)
    kept = list(Media.objects.values()), Sequence.objects.count(), AuditEntry.objects.count()
    resolved(*rows)
    assert (list(Media.objects.values()), Sequence.objects.count(), AuditEntry.objects.count()) == kept


def test_what_the_api_is_told_is_resolved_by_a_job_and_again_when_it_changes(cast: Cast) -> None:
    client = api(cast.tower)
    row = client.post("/media", {"camera": "brison", "azimuth": 110}, format="json").json()
    run_jobs()
    client.patch(f"/media/{row['id']}", {"azimuth": 127}, format="json")
    assert view_of(Media.objects.get()).azimuth == 110
    run_jobs()
    assert view_of(Media.objects.get()).azimuth == 127
    client.patch(f"/media/{row['id']}", {"camera": ""}, format="json")
    run_jobs()
    assert Media.objects.get().view is None


def test_a_position_alone_asks_for_nothing(cast: Cast) -> None:
    media.describe(stored_media(), {"latitude": 44.0, "longitude": 4.0}, by=actor(cast.carl))
    assert not Job.objects.filter(kind="resolve").exists()


def test_a_time_found_in_the_file_leads_to_a_sequence() -> None:
    shot = samples("D_exif_samples", "DSCN0010.jpg")[0].read_bytes()
    row = media.create(camera="brison", by=NOBODY)
    with_file = stored_media_of(row, shot)
    run_jobs()
    assert not Sequence.objects.exists()
    derive.derive_now(with_file, by=NOBODY)
    run_jobs()
    assert Sequence.objects.get().started_at is not None


def stored_media_of(row: Media, content: bytes) -> Media:
    from curation.tests.deeds import upload

    return upload(row, content)


def test_one_statement_more_or_less_whether_few_media_or_many() -> None:
    resolved(taken(), taken(azimuth=127))
    counts = []
    for many in (2, 40):
        rows = [taken(n / 100) for n in range(many)]
        with CaptureQueriesContext(connection) as caught:
            places.resolve([row.pk for row in rows], by=NOBODY)
        counts.append(len(caught))
    assert counts[0] == counts[1]


def test_the_command_finds_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    resolved(taken())
    taken(camera="ridge"), taken(camera="", sequence="fire 7"), taken(camera="")
    call_command("resolve", "--missing", "--json")
    assert json.loads(capsys.readouterr().out) == {"resolved": 2, "cameras": 1, "views": 1, "sequences": 2}
    call_command("resolve", "--missing")
    assert capsys.readouterr().out.startswith("0 media resolved")


def test_an_alias_of_a_camera_is_one_alias() -> None:
    resolved(taken())
    alias = CameraAlias.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        CameraAlias.objects.create(source=alias.source, text=alias.text, camera=alias.camera)


@pytest.mark.parametrize("azimuth", [110, None])
def test_a_camera_has_one_view_of_an_azimuth(azimuth: int | None) -> None:
    [row] = resolved(taken(azimuth=azimuth))
    with pytest.raises(IntegrityError), transaction.atomic():
        View.objects.create(camera=view_of(row).camera, azimuth=azimuth)


@pytest.mark.parametrize(
    ("columns", "is_allowed"),
    [
        ({"latitude": 90, "longitude": 180}, True),
        ({"latitude": 90.1, "longitude": 0}, False),
        ({"latitude": 0, "longitude": -180.1}, False),
        ({"latitude": 1}, False),
        ({"fov": 360}, True),
        ({"fov": 0}, False),
        ({"fov": 361}, False),
        ({"elevation": -500}, True),
        ({"elevation": 9001}, False),
        ({"name": " "}, False),
    ],
)
def test_the_database_keeps_the_ranges(columns: dict[str, Any], is_allowed: bool) -> None:
    camera = Camera(**({"name": "brison"} | columns))
    if is_allowed:
        camera.save()
        return
    with pytest.raises(IntegrityError), transaction.atomic():
        camera.save()


# --- At once ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_camera_one_view_and_one_sequence() -> None:
    for number in range(3):
        rows = [taken(n, camera=f"mast {number}") for n in range(6)]
        together([partial(places.resolve, [row.pk], by=NOBODY) for row in rows])
        assert Camera.objects.count() == View.objects.count() == ViewAlias.objects.count() == number + 1
        assert Sequence.objects.count() == number + 1


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_named_sequence() -> None:
    rows = [taken(n, camera="", sequence="fire 7") for n in range(6)]
    together([partial(places.resolve, [row.pk], by=NOBODY) for row in rows])
    assert Sequence.objects.get().items.count() == 6


@pytest.mark.django_db(transaction=True)
def test_of_two_merges_into_each_other_one_is_refused() -> None:
    one, two = (view_of(row) for row in resolved(taken(), taken(azimuth=127)))
    results = together([
        partial(cameras.merge_views, one, two, by=NOBODY), partial(cameras.merge_views, two, one, by=NOBODY)
    ])  # fmt: skip
    assert sum(isinstance(result, Conflict) for result in results) == 1
    assert View.objects.filter(merged_into=None).count() == 1


# --- Merged ----------------------------------------------------------------------------------------


def three_views() -> list[View]:
    return [view_of(row) for row in resolved(taken(), taken(azimuth=118), taken(azimuth=127))]


def state() -> list[tuple[Any, ...]]:
    return list(View.objects.order_by("pk").values_list("pk", "azimuth", "merged_into", "shown_as"))


def test_a_merge_is_undone_exactly_also_one_of_a_merged_view(cast: Cast) -> None:
    by = actor(cast.carl)
    one, two, three = three_views()
    before = state()
    cameras.merge_views(two, one, by=by)
    between = state()
    cameras.merge_views(three, View.objects.get(pk=two.pk), by=by)
    assert set(View.objects.shown_as(three.pk)) == {one, two, three}
    merging.undo(View.objects.get(pk=two.pk), by=by)
    assert state() == between
    assert set(View.objects.shown_as(two.pk)) == {one, two}
    merging.undo(View.objects.get(pk=one.pk), by=by)
    assert state() == before
    told = AuditEntry.objects.filter(actor=cast.carl).values_list("action", "row_id")
    assert [row for row in told.order_by("pk") if row[1] == one.pk] == [("view.merge", one.pk), ("view.undo", one.pk)]


def test_what_cannot_be_merged_says_why() -> None:
    one, two, three = three_views()
    [other] = resolved(taken(camera="ridge"))
    with pytest.raises(Conflict, match="views of two cameras"):
        cameras.merge_views(view_of(other), one, by=NOBODY)
    with pytest.raises(Invalid, match="into itself"):
        cameras.merge_views(one, one, by=NOBODY)
    with pytest.raises(Conflict, match="is not merged"):
        merging.undo(one, by=NOBODY)
    cameras.merge_views(two, one, by=NOBODY)
    with pytest.raises(Conflict, match="merged into another view already"):
        cameras.merge_views(three, one, by=NOBODY)
    with pytest.raises(Conflict, match="merged into another view already"):
        cameras.merge_views(one, three, by=NOBODY)


def test_a_corrected_azimuth_still_answers_to_the_old_name() -> None:
    [one] = resolved(taken())
    cameras.turn(view_of(one), 112, by=NOBODY)
    [two, new] = resolved(taken(), taken(azimuth=113))
    assert (view_of(two).azimuth, view_of(new).azimuth) == (112, 113)
    with pytest.raises(Conflict, match="merge this one"):
        cameras.turn(view_of(new), 112, by=NOBODY)


def test_a_camera_is_described_by_whoever_looked_last() -> None:
    resolved(taken())
    seen, late = Camera.objects.get(), Camera.objects.get()
    cameras.describe_camera(seen, {"latitude": 44.5, "longitude": 4.5, "timezone": "Europe/Paris"}, by=NOBODY)
    with pytest.raises(Conflict, match="look again"):
        cameras.describe_camera(late, {"elevation": 800.0}, by=NOBODY)
    for wrong in ({"latitude": None}, {"timezone": "Mars/Base"}, {"name": " "}):
        with pytest.raises(Invalid):
            cameras.describe_camera(seen, wrong, by=NOBODY)


# --- Facts -----------------------------------------------------------------------------------------


def test_the_real_names_of_four_views_and_an_azimuth_that_drifted(tmp_path: Path, cast: Cast) -> None:
    [labels] = samples("H_pyro_sdis_coco_labels_only", "*.json")
    listed = [image["file_name"] for image in json.loads(labels.read_text())["images"]]
    take(fill(tmp_path / "first", {name: picture(number) for number, name in enumerate(listed)}))
    run_jobs()
    assert {(view.camera.name, view.azimuth) for view in View.objects.select_related("camera")} == {
        ("brison", 110), ("ferion", 142), ("cabanelle", 125), ("croix-augas", 110),
    }  # fmt: skip

    now = "pyronear-sdis-07_brison_127_2024-03-06T06-45-24.jpg"
    take(fill(tmp_path / "second", {now: picture(100)}))
    run_jobs()
    old, new = View.objects.filter(camera__name="brison").order_by("azimuth")
    before = list(Media.objects.order_by("pk").values()), list(StoredObject.objects.order_by("pk").values())

    cameras.merge_views(new, old, by=actor(cast.carl))
    assert Media.objects.filter(view__in=View.objects.shown_as(new.pk)).count() == 13 + 1
    shown = [row["view"] for row in api(cast.carl).get("/media?limit=100").json() if row["camera"] == "brison"]
    assert [view["azimuth"] for view in shown] == [127] * 14
    assert (list(Media.objects.order_by("pk").values()), list(StoredObject.objects.order_by("pk").values())) == before

    again = "sdis-07_brison-110_2024-04-01T06-45-24.jpg"
    take(fill(tmp_path / "third", {again: picture(101)}))
    run_jobs()
    late = Media.objects.latest("pk")
    assert (late.azimuth, view_of(late).shown_as) == (110, new)

    merging.undo(View.objects.get(pk=old.pk), by=actor(cast.carl))
    assert View.objects.shown_as(new.pk).get() == new
    assert Media.objects.filter(view=old).count() == 14
    assert list(Media.objects.exclude(pk=late.pk).order_by("pk").values()) == before[0]


def test_the_sample_sequences_are_three_and_one_has_no_azimuth(tmp_path: Path) -> None:
    folder = samples("I_derived_pyronear_layout", "*.jpg")[0].parents[3]
    take(folder)
    run_jobs()
    assert Sequence.objects.count() == 3
    assert sorted(sequence.items.count() for sequence in Sequence.objects.all()) == [5, 20, 40]
    unknown = [name for name in Sequence.objects.values_list("name", flat=True) if "_999_" in name]
    for name in unknown:
        assert view_of(Media.objects.filter(sequence=name)[0]).azimuth is None
    assert len(unknown) == 1


def test_a_bad_name_is_reported_and_the_rest_is_resolved(tmp_path: Path) -> None:
    good = "sdis-07_brison-110_2024-01-21T14-44-56.jpg"
    take(fill(tmp_path, {good: picture(1), "IMG_0001.jpg": picture(2)}))
    run_jobs()
    assert "fits no pattern" in verdicts()["IMG_0001.jpg"][1]
    assert view_of(Media.objects.get(original_name=good)).azimuth == 110
    assert Media.objects.get(original_name="IMG_0001.jpg").view is None


def test_somebody_without_an_organisation_sees_no_camera(cast: Cast) -> None:
    forest = Organisation.objects.get(name="Forest Watch")
    resolved(taken(organisation=forest), taken())
    nobody = Access(sees="own")
    assert list(Camera.objects.visible_to(nobody)) == []
    assert [camera.organisation for camera in Camera.objects.visible_to(cast.ana)] == [forest]
    assert not View.objects.visible_to(cast.olga).exists()
    assert not Sequence.objects.visible_to(cast.olga).exists()
    assert Camera.objects.visible_to(cast.ada).count() == 2
