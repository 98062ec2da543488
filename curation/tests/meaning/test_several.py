"""Files about many pictures: COCO, manifests, Label Studio, CSV. One batch, which finds its media."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tests.cast import Cast, api, make_access
from curation.actions.check import examine
from curation.actions.imports import report
from curation.actions.meaning import run as running
from curation.models import Annotation, Media, Origin, Region, StoredObject
from curation.storage.stores import object_store
from curation.tests.deeds import collect_now
from curation.tests.importing.helpers import fill
from curation.tests.importing.helpers import take as ingest
from curation.tests.meaning.helpers import coco, counted, named, only_layer, reasons, shown, take, told, verdicts
from curation.tests.pictures import picture

pytestmark = pytest.mark.django_db
SMOKE, FIRE = 3, 1  # categories


def frames(count: int) -> list[Media]:
    return [named(f"frame-{number}.jpg", number) for number in range(count)]


def file_of(folder: Path, content: bytes, name: str = "boxes.json") -> Path:
    return fill(folder, {name: content}) / name


def listed(*names: str) -> list[dict[str, Any]]:
    return [{"id": number, "file_name": name} for number, name in enumerate(names, 1)]


def test_each_media_gets_a_layer_of_its_own_and_the_file_is_kept_once(tmp_path: Path) -> None:
    one, other, empty = frames(3)
    content = coco(listed("a/frame-0.jpg", "frame-1.jpg", "frame-2.jpg"), [(1, SMOKE), (1, FIRE), (2, SMOKE)])
    outcome = take(file_of(tmp_path, content))
    assert [shown(media) for media in (one, other, empty)] == [[("smoke", None)], [("smoke", None)], []]
    layers = Annotation.objects.select_related("current")
    assert {(row.format, row.state, row.origin) for row in layers} == {("coco", "parsed", Origin.IMPORTED)}
    [key] = StoredObject.objects.filter(key__startswith="annotations/").values_list("key", flat=True)
    assert {row.file.name for row in layers} == {key}
    assert outcome.run
    outcome.run.refresh_from_db()
    assert (outcome.run.archive.name, outcome.run.state, outcome.run.seen) == (key, "done", 3)
    with object_store().open_read(key) as file:
        assert file.read() == content
    assert (outcome.run.regions_kept, outcome.run.regions_dropped, outcome.run.created) == (2, 1, 3)
    assert examine(full=True).counts == {}


def test_what_matches_nothing_or_more_than_one_is_told_and_the_rest_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames(1)
    for number in (7, 8):
        named("twice.jpg", number)
    path = file_of(tmp_path, coco(listed("frame-0.jpg", "none.jpg", "twice.jpg"), [(n, SMOKE) for n in (1, 2, 3)]))
    code, said = told(str(path), "--mapping", "smoke=smoke", capsys=capsys)
    assert (code, counted(said), said["media_not_found"], said["refused"]) == (1, [1, 0, 2, 1, 0, 0], 1, 1)
    assert {item["path"]: (item["verdict"], item["reason"]) for item in said["told"]} == {
        "boxes.json: none.jpg": ("not_found", "No media has this file name."),
        "boxes.json: twice.jpg": ("refused", "2 media are called so; none was chosen."),
    }


def test_a_file_without_any_match_is_kept_all_the_same(tmp_path: Path) -> None:
    path = file_of(tmp_path, content := coco(listed("none.jpg"), [(1, SMOKE)]))
    outcome = take(path)
    assert outcome.run
    outcome.run.refresh_from_db()
    collect_now()
    with object_store().open_read(outcome.run.archive.name or "") as file:
        assert file.read() == content


def test_a_digest_finds_the_media_whatever_it_is_called_and_a_wrong_one_finds_none(tmp_path: Path) -> None:
    one, other = frames(2)
    images = [
        {"id": 1, "file_name": "frame-1.jpg", "sha256": one.sha256},
        {"id": 2, "file_name": "frame-1.jpg", "sha256": "ab" * 32},
    ]
    take(file_of(tmp_path, coco(images, [(1, SMOKE), (2, SMOKE)])))
    assert (shown(one), shown(other)) == ([("smoke", None)], [])
    assert reasons() == ["No media has this SHA-256."]


def test_paths_tell_pictures_of_one_name_apart(tmp_path: Path) -> None:
    ingest(fill(tmp_path / "in", {f"{part}/a.jpg": picture(n) for n, part in enumerate(("one", "two"))}))
    take(file_of(tmp_path, coco(listed("x/two/a.jpg", "three/a.jpg"), [(1, SMOKE), (2, SMOKE)])))
    assert verdicts() == {"boxes.json: x/two/a.jpg": "created", "boxes.json: three/a.jpg": "refused"}
    assert only_layer(Media.objects.order_by("pk")[1]).regions_count == 1


def test_the_sequence_of_a_media_tells_it_apart_too(tmp_path: Path) -> None:
    rows = [named("frame.jpg", number, sequence=f"fire-{number}") for number in range(2)]
    take(file_of(tmp_path, coco(listed("fire-1/images/frame.jpg"), [(1, SMOKE)])))
    assert [shown(media) for media in rows] == [[], [("smoke", None)]]


@pytest.mark.parametrize(("count", "chosen"), [(50, "created"), (51, "refused")])
def test_more_than_fifty_of_one_name_are_not_compared(count: int, chosen: str, tmp_path: Path) -> None:
    Media.objects.bulk_create(
        [Media(original_name="f.jpg", name_folded="f.jpg", sequence=f"fire-{number}") for number in range(count)]
    )
    take(file_of(tmp_path, coco(listed("fire-7/f.jpg"), [(1, SMOKE)])))
    assert list(verdicts().values()) == [chosen]


def test_a_media_that_a_file_names_twice_counts_once(tmp_path: Path) -> None:
    [media] = frames(1)
    path = file_of(tmp_path, coco(listed("frame-0.jpg", "b/frame-0.jpg", "frame-0.jpg"), [(1, SMOKE), (2, FIRE)]))
    take(path)
    assert shown(media) == [("smoke", None)]
    assert verdicts() == {
        "boxes.json: frame-0.jpg": "created",
        "boxes.json: b/frame-0.jpg": "refused",
        "boxes.json: frame-0.jpg (3)": "refused",
    }
    assert set(reasons()) == {"The file says something of this media twice; the first of them counts."}


def test_again_nothing_changes_and_another_mapping_makes_the_next_revision(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    media = frames(2)
    path = str(file_of(tmp_path, coco(listed("frame-0.jpg", "frame-1.jpg"), [(1, SMOKE), (2, FIRE)])))
    assert counted(told(path, "--mapping", "smoke=smoke,Fire=drop", capsys=capsys)[1]) == [1, 1, 0, 2, 0, 0]
    before = list(Region.objects.order_by("pk").values())
    assert counted(told(path, "--mapping", "smoke=smoke,Fire=drop", capsys=capsys)[1]) == [1, 1, 0, 0, 0, 2]
    assert list(Region.objects.order_by("pk").values()) == before
    assert counted(told(path, "--mapping", "smoke=smoke,Fire=wildfire", capsys=capsys)[1]) == [2, 0, 0, 0, 2, 0]
    assert [only_layer(row).revisions.count() for row in media] == [2, 2]
    assert [shown(row) for row in media] == [[("smoke", None)], [("wildfire", None)]]


def test_nothing_of_a_file_counts_that_breaks_off(tmp_path: Path) -> None:
    """It passes a limit at its end, when much of it was read already."""
    frames(1)
    good = '{"source_api": "x", "objects": [{"sequence_id": 1, "record_kind": "smoke", "smoke_types": ["wildfire"], '
    good += '"frames": [{"image_path": "frame-0.jpg", "boxes": [{"xyxyn": [0.1, 0.1, 0.2, 0.2]}]}]}]}\n'
    path = file_of(tmp_path, (good + "x" * (4 * 2**20 + 10)).encode(), "manifest.jsonl")
    outcome = take(path, "smoke:wildfire=wildfire,smoke=smoke")
    assert (outcome.tally["refused"], Annotation.objects.count(), Region.objects.count()) == (1, 0, 0)


def test_a_manifest_a_csv_and_label_studio_find_their_media_alike(tmp_path: Path) -> None:
    [media] = frames(1)
    manifest = {
        "source_api": "x", "platform_alert_id": 1, "recorded_at": "2026-07-14T15:42:10",
        "objects": [{"sequence_id": 1, "record_kind": "smoke", "smoke_types": ["wildfire"], "frames": [
            {"detection_id": 4, "recorded_at": "2026-07-14T15:42:10", "image_path": "images/x/frame-0.jpg", "boxes": [
                {"xyxyn": [0.1, 0.1, 0.2, 0.2], "smoke_type": "wildfire", "origin": "human"}]}]}],
    }  # fmt: skip
    studio = [{"data": {"image": "https://host/data/frame-0.jpg?x=1"}, "annotations": [{"result": [{
        "type": "rectanglelabels", "original_width": 64, "original_height": 48, "value": {
            "x": 10, "y": 10, "width": 10, "height": 10, "rotation": 0, "rectanglelabels": ["smoke"]}}]}]}]  # fmt: skip
    table = b"path,kind,label,x1,y1,x2,y2\nframe-0.jpg,box,smoke,0.1,0.1,0.2,0.2\n"
    files = {
        "manifest.jsonl": json.dumps(manifest).encode() + b"\n",
        "studio.json": json.dumps(studio).encode(),
        "table.csv": table,
    }
    outcome = take(fill(tmp_path / "all", files), "smoke=smoke,smoke:wildfire=wildfire")
    assert (outcome.files, outcome.tally["created"], outcome.tally["regions_kept"]) == (3, 3, 3)
    formats = Annotation.objects.filter(media=media).values_list("format", flat=True)
    assert set(formats) == {"pyronear_manifest", "labelstudio", "csv"}
    assert {(box.x1, box.y1, box.x2, box.y2) for box in Region.objects.all()} == {(0.1, 0.1, 0.2, 0.2)}


def test_a_picture_of_another_size_is_told(tmp_path: Path) -> None:
    [media] = frames(1)  # 64 x 48
    take(file_of(tmp_path, coco([{"id": 1, "file_name": "frame-0.jpg", "width": 640, "height": 480}], [(1, SMOKE)])))
    assert reasons() == ["The file speaks of a picture of 640x480 pixels, the media has 64x48."]
    assert shown(media) == [("smoke", None)]


def test_a_file_that_is_named_is_read_whatever_it_is_called_and_refused_when_it_says_nothing(tmp_path: Path) -> None:
    [media] = frames(1)
    take(file_of(tmp_path, coco(listed("frame-0.jpg"), [(1, SMOKE)]), "README"))
    assert shown(media) == [("smoke", None)]
    outcome = take(file_of(tmp_path, b"prose", "notes.txt"))
    assert (outcome.tally["refused"], outcome.is_whole) == (1, False)
    assert reasons() == ["The file is of no format that we read."]


def test_what_belongs_to_no_picture_is_told(tmp_path: Path) -> None:
    frames(1)
    outcome = take(file_of(tmp_path, coco(listed("frame-0.jpg"), [(1, SMOKE), (9, SMOKE)])))
    assert outcome.tally["problems"] == 1
    assert verdicts() == {"boxes.json: frame-0.jpg": "created", "boxes.json: part": "refused"}


def test_batches_cost_the_same_however_many_pictures_they_have(tmp_path: Path) -> None:
    frames(12)
    few = file_of(tmp_path, coco(listed("frame-0.jpg", "frame-1.jpg"), [(1, SMOKE), (2, SMOKE)]), "few.json")
    names = [f"frame-{number}.jpg" for number in range(2, 12)]
    many = file_of(tmp_path, coco(listed(*names), [(n, SMOKE) for n in range(1, 11)]), "many.json")
    with CaptureQueriesContext(connection) as of_few:
        take(few)
    with CaptureQueriesContext(connection) as of_many:
        take(many)
    assert len(of_many) == len(of_few)


def test_a_file_is_written_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "PICTURES", 2)
    frames(5)
    names = [f"frame-{number}.jpg" for number in range(5)]
    outcome = take(file_of(tmp_path, coco(listed(*names), [(n, SMOKE) for n in range(1, 6)])))
    assert (outcome.tally["created"], Region.objects.count()) == (5, 5)
    assert outcome.run
    assert len("".join(report(outcome.run)).splitlines()) == 6


# --- A file about many pictures is not for everybody -----------------------------------------------


def test_the_file_of_a_layer_is_not_given_to_who_may_not_know_of_the_others(cast: Cast, tmp_path: Path) -> None:
    forest = cast.ana.organisation
    reader = make_access(
        "reader",
        "curator",
        forest,
    )
    reader.sees = "listed"
    reader.save()
    assert forest
    reader.listed.add(forest)
    named("frame-0.jpg", 1, owner=cast.ana, organisation=forest)
    take(file_of(tmp_path, coco(listed("frame-0.jpg", "secret.jpg"), [(1, SMOKE)])))
    row = Annotation.objects.get()
    answer = api(reader).get(f"/annotations/{row.pk}/url")
    assert (answer.status_code, "other pictures" in answer.json()["detail"]) == (403, True)
    assert api(reader).get(f"/annotations/{row.pk}/regions").status_code == 200
    assert api(cast.ada).get(f"/annotations/{row.pk}/url").status_code == 200
