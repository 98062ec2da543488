"""Layers of many media go out by a command: one of each, all or nothing on the disk, and what was left out is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry
from curation.actions import annotations as layers
from curation.actions import collections
from curation.actions.exporting import many
from curation.actions.taxonomy import new_mapping
from curation.formats.limits import LIMITS
from curation.models import Annotation, CollectionItem, Media, Origin, Region
from curation.tests.deeds import NOBODY
from curation.tests.importing.helpers import fill
from curation.tests.labels import box, predicted, ship_labels
from curation.tests.meaning.helpers import named, only_layer, take

pytestmark = pytest.mark.django_db
LINES = b"0 0.5 0.5 0.1 0.1\n1 0.2 0.25 0.1 0.05\n"
NAMES = {0: "fumée", 1: "feu"}


@pytest.fixture(autouse=True)
def _labels() -> None:
    ship_labels()


def told(capsys: pytest.CaptureFixture[str], out: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """Exit code of the command, and what its last line says."""
    code = 0
    try:
        call_command("export_annotations", str(out), *words, "--json")
    except CommandError as error:
        code = error.returncode
    lines = capsys.readouterr().out.splitlines()
    return code, json.loads(lines[-1]) if lines else {}


def refused(out: Path, *words: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command("export_annotations", str(out), *words)
    assert error.value.returncode == 2
    return str(error.value)


def truth(media: Media, *codes: str, **columns: Any) -> Annotation:
    regions = [box(code, x=0.1 * number) for number, code in enumerate(codes)]
    return predicted(media, regions, **({"origin": Origin.IMPORTED, "is_truth": True} | columns))


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def corners(media: Media) -> list[tuple[str, list[float]]]:
    rows = Region.objects.filter(media=media).order_by("label__code", "x1")
    return [(row.label.code if row.label else "", [row.x1, row.y1, row.x2, row.y2]) for row in rows]


@pytest.mark.parametrize("format_", ["yolo", "voc", "coco", "labelstudio", "csv"])
def test_what_came_in_by_a_mapping_goes_out_by_it_and_comes_in_again(
    format_: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new_mapping("theirs", {"fumée": "smoke", "feu": "wildfire", "rien": "drop"}, on_unknown="refuse", by=NOBODY)
    media = named("a.jpg", 1, width=1280, height=720)
    take(fill(tmp_path / "in", {"labels/a.txt": LINES}), "theirs", names=NAMES, claim="truth")
    before = corners(media)
    assert [code for code, _ in before] == ["smoke", "wildfire"]
    out = tmp_path / "out"
    code, said = told(capsys, out, "--format", format_, "--mapping", "theirs")
    assert (code, said["media"], said["regions_written"], said["regions_renamed"]) == (0, 1, 2, 2)
    layers.delete(only_layer(media), by=NOBODY)
    if out.is_file():
        out = out.rename(tmp_path / f"out.{'csv' if format_ == 'csv' else 'json'}")
    outcome = take(out, "theirs", claim="truth")
    assert outcome.tally["regions_kept"] == 2
    after = corners(media)
    assert [code for code, _ in after] == [code for code, _ in before]
    for (_, one), (_, other) in zip(before, after, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def test_yolo_makes_a_folder_with_its_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth(named("a.jpg", 1), "smoke")
    truth(named("b.jpg", 2))
    code, said = told(capsys, tmp_path / "out", "--format", "yolo", "--mapping", "fumée=smoke,feu=wildfire")
    assert (code, said["files"], said["media"]) == (0, 2, 2)
    assert files_of(tmp_path / "out") == {"labels/a.txt", "labels/b.txt", "data.yaml"}
    assert (tmp_path / "out" / "labels" / "b.txt").read_bytes() == b""  # nothing is to be seen: an answer as well
    assert (tmp_path / "out" / "data.yaml").read_text() == 'nc: 2\nnames: ["feu", "fumée"]\n'
    assert (tmp_path / "out" / "labels" / "a.txt").read_text().startswith("1 ")


def test_pictures_of_one_name_have_a_file_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth(named("a.jpg", 1), "smoke")
    second = truth(named("a.jpg", 2), "smoke").media_id
    nameless = truth(named("..", 3), "smoke").media_id
    assert told(capsys, tmp_path / "out", "--format", "voc")[0] == 0
    assert files_of(tmp_path / "out") == {
        "labels/a.xml", f"labels/{second}/a.xml", f"labels/media-{nameless}.xml",
    }  # fmt: skip


def test_truth_and_predictions_are_never_mixed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    media = named("a.jpg", 1)
    truth(media, "smoke")
    predicted(media, [box("wildfire", score=0.5)])
    predicted(named("b.jpg", 2), [box("smoke")], origin=Origin.IMPORTED)  # nobody declared it to be truth
    code, said = told(capsys, tmp_path / "truth.csv", "--format", "csv")
    assert (code, said["media"], said["media_without"]) == (0, 1, 1)
    text = (tmp_path / "truth.csv").read_text()
    assert (",smoke," in text, ",wildfire," in text, "b.jpg" in text) == (True, False, False)
    assert told(capsys, tmp_path / "predictions", "--format", "yolo", "--predictions")[0] == 0
    [line] = (tmp_path / "predictions" / "labels_predictions" / "a.txt").read_text().splitlines()
    assert line.endswith(" 0.500000000")


def test_what_a_person_said_goes_before_what_was_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    media = named("a.jpg", 1)
    truth(media, "smoke")
    truth(media, "antenna", origin=Origin.HUMAN)
    assert told(capsys, tmp_path / "a.csv", "--format", "csv")[0] == 0
    assert ",antenna," in (tmp_path / "a.csv").read_text()
    assert ",smoke," not in (tmp_path / "a.csv").read_text()


def test_of_several_layers_none_is_guessed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    media = named("a.jpg", 1)
    for name in ("one", "two"):
        predicted(media, [box(score=0.5)], model_name=name, model_version="3")
    code, said = told(capsys, tmp_path / "a.csv", "--format", "csv", "--predictions")
    assert (code, said["media"], said["media_refused"], said["regions_refused"]) == (1, 0, 1, 2)
    assert said["told"] == [{"media": media.pk, "label": None, "what": many.SEVERAL.format(2)}]
    code, said = told(capsys, tmp_path / "b.csv", "--format", "csv", "--predictions", "--model", "two@3")
    assert (code, said["media"]) == (0, 1)
    assert told(capsys, tmp_path / "c.csv", "--format", "csv", "--predictions", "--model", "two@4")[1]["media"] == 0


def test_what_has_no_word_is_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    some, none = named("a.jpg", 1), named("b.jpg", 2)
    truth(some, "smoke", "antenna")
    truth(none, "antenna")
    code, said = told(capsys, tmp_path / "out", "--format", "yolo", "--mapping", "fumée=smoke")
    assert (code, said["media"], said["media_refused"]) == (1, 1, 1)
    assert (said["regions_written"], said["regions_refused"], said["regions_dropped"]) == (1, 2, 0)
    what = "The mapping makes antenna of no class."
    assert said["told"] == [{"media": pk, "label": "antenna", "what": what} for pk in (some.pk, none.pk)]
    assert files_of(tmp_path / "out") == {"labels/a.txt", "data.yaml"}  # an empty one would say: nothing to be seen


def test_the_mapping_may_drop_or_keep_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth(named("a.jpg", 1), "smoke", "antenna")
    words = ("--format", "csv", "--mapping", "fumée=smoke", "--unmapped")
    code, said = told(capsys, tmp_path / "a.csv", *words, "drop")
    assert (code, said["regions_written"], said["regions_dropped"]) == (0, 1, 1)
    code, said = told(capsys, tmp_path / "b.csv", *words, "keep")
    assert (code, said["regions_written"], said["regions_renamed"]) == (0, 2, 1)
    assert [line["what"] for line in said["told"]] == ["goes out under its own code"]


def test_a_picture_that_the_format_cannot_say_does_not_spoil_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth(named("a.jpg", 1, width=None, height=None), "smoke")
    truth(named("b.jpg", 2), "smoke")
    code, said = told(capsys, tmp_path / "a.json", "--format", "coco")
    assert (code, said["media"], said["regions_refused"]) == (1, 1, 1)
    assert [image["file_name"] for image in json.loads((tmp_path / "a.json").read_text())["images"]] == ["b.jpg"]


def test_what_was_not_read_is_told_and_never_written_as_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Annotation.objects.create(media=named("a.jpg", 1), origin=Origin.PREDICTION)
    code, said = told(capsys, tmp_path / "out", "--format", "yolo", "--predictions")
    assert (code, said["files"], said["media_refused"]) == (1, 0, 1)


def test_only_media_of_a_collection_or_those_named_go_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    media = [truth(named(f"{name}.jpg", seed), "smoke").media for seed, name in enumerate("abc", 1)]
    chosen = collections.create("Two", by=NOBODY)
    collections.change_items(chosen, add=[media[0].pk, media[2].pk], by=NOBODY)
    for number, words in enumerate([("--collection", "two"), ("--collection", f"#{chosen.pk}")]):
        assert told(capsys, tmp_path / str(number), "--format", "yolo", *words)[1]["media"] == 2
        assert files_of(tmp_path / str(number)) == {"labels/a.txt", "labels/c.txt", "data.yaml"}
    searched = collections.create("found", query={"sha256": media[1].sha256}, by=NOBODY)
    assert told(capsys, tmp_path / "2", "--format", "yolo", "--collection", "found")[1]["media"] == 1
    ids = f"{media[2].pk},{media[1].pk} {media[1].pk}"
    assert told(capsys, tmp_path / "3", "--format", "csv", "--media", ids)[1]["media"] == 2
    assert [entry.row_id for entry in AuditEntry.objects.filter(table="collection", action="annotation.export")] == [
        chosen.pk, chosen.pk, searched.pk,
    ]  # fmt: skip


@pytest.mark.parametrize("page", [1, 2, 500])
def test_pages_and_groups_of_any_size_write_the_same(
    page: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(1, 6):
        truth(named(f"{seed}.jpg", seed), "smoke", "antenna")
    monkeypatch.setattr(many, "PAGE", page)
    monkeypatch.setattr("curation.actions.regions.TOGETHER", 3)
    assert told(capsys, tmp_path / "a.csv", "--format", "csv")[1]["regions_written"] == 10
    paths = [line.split(",")[0] for line in (tmp_path / "a.csv").read_text().splitlines()[1:]]
    assert paths == [f"{seed}.jpg" for seed in range(1, 6) for _ in range(2)]


def test_deleted_media_and_layers_stay_at_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone, bare = truth(named("a.jpg", 1), "smoke").media, truth(named("b.jpg", 2), "smoke")
    chosen = collections.create("both", by=NOBODY)
    collections.change_items(chosen, add=[gone.pk, bare.media_id], by=NOBODY)
    Media.objects.filter(pk=gone.pk).update(deleted_at=gone.created_at)
    layers.delete(bare, by=NOBODY)
    for words in ((), ("--collection", "both")):
        said = told(capsys, tmp_path / f"{len(words)}.csv", "--format", "csv", *words)[1]
        assert (said["media"], said["media_without"]) == (0, 1)
    assert CollectionItem.objects.count() == 2


def test_nothing_is_overwritten_unless_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth(named("a.jpg", 1), "smoke")
    file, folder = tmp_path / "a.csv", tmp_path / "out"
    file.write_text("mine")
    (folder / "labels").mkdir(parents=True)
    (folder / "labels" / "a.xml").write_text("mine")
    (folder / "notes.txt").write_text("mine")
    assert "is there already" in refused(file, "--format", "csv")
    assert "is there already" in refused(folder, "--format", "voc")
    assert (file.read_text(), (folder / "labels" / "a.xml").read_text()) == ("mine", "mine")
    assert not AuditEntry.objects.filter(action="annotation.export").exists()
    assert told(capsys, file, "--format", "csv", "--force")[0] == 0
    assert told(capsys, folder, "--format", "voc", "--force")[0] == 0
    assert "mine" not in file.read_text() + (folder / "labels" / "a.xml").read_text()
    assert (folder / "notes.txt").read_text() == "mine"
    assert names_in(tmp_path) == ["a.csv", "out"]


def test_an_empty_folder_is_filled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth(named("a.jpg", 1), "smoke")
    (tmp_path / "out").mkdir()
    assert told(capsys, tmp_path / "out", "--format", "voc")[0] == 0
    assert files_of(tmp_path / "out") == {"labels/a.xml"}


def test_what_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    """What an object is, only its second picture shows to be impossible."""
    for seed, code in ((1, "smoke"), (2, "false_positive")):
        predicted(named(f"{seed}.jpg", seed), [box(code, object_id="7")], origin=Origin.IMPORTED, is_truth=True)
    words = ("--format", "pyronear_manifest", "--mapping", "smoke=smoke,default=keep")
    assert "smoke in one picture, and something else in another" in refused(tmp_path / "a.jsonl", *words)
    assert names_in(tmp_path) == []


def test_a_file_takes_no_more_pictures_than_can_be_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "LIMITS", LIMITS._replace(pictures=1))
    truth(named("a.jpg", 1), "smoke")
    call_command("export_annotations", str(tmp_path / "one.csv"), "--format", "csv")
    truth(named("b.jpg", 2), "smoke")
    assert "export collections of fewer" in refused(tmp_path / "two.csv", "--format", "csv")
    assert names_in(tmp_path) == ["one.csv"]


def test_a_trial_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth(named("a.jpg", 1), "smoke")
    for format_ in ("yolo", "coco"):
        code, said = told(capsys, tmp_path / "out", "--format", format_, "--dry-run")
        assert (code, said["media"], said["regions_written"]) == (0, 1, 1)
    assert names_in(tmp_path) == []
    assert not AuditEntry.objects.filter(action="annotation.export").exists()


def test_history_keeps_the_mapping_and_the_digest_of_what_went_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = new_mapping("theirs", {"fumée": "smoke"}, on_unknown="refuse", by=NOBODY)
    truth(named("a.jpg", 1), "smoke")
    said = told(capsys, tmp_path / "a.csv", "--format", "csv", "--mapping", "theirs")[1]
    entry: Any = AuditEntry.objects.get(action="annotation.export")
    assert (entry.table, entry.row_id, entry.door) == ("mapping", mapping.pk, "command")
    assert {name: entry.after["mapping"][name] for name in ("name", "version")} == {"name": "theirs", "version": 1}
    assert len(entry.after["mapping"]["digest"]) == 32
    assert (entry.after["layer"], entry.after["media"], entry.after["sha256"]) == ("truth", 1, said["sha256"])
    again = told(capsys, tmp_path / "b.csv", "--format", "csv", "--mapping", "fumée=smoke")[1]
    entry = AuditEntry.objects.filter(action="annotation.export").latest("pk")
    assert (entry.table, entry.after["mapping"]["rules"]) == ("taxonomyversion", {"fumée": "smoke"})
    assert again["sha256"] == said["sha256"]  # the same revision of the same layer


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--mapping", "none such"), "There is no mapping none such"),
        (("--collection", "none such"), "There is no collection 'none such'"),
        (("--media", "7000000"), "There is no media 7000000"),
        (("--media", "a"), "--media is written 7,8,9"),
        (("--model", "m"), "--model names whose --predictions"),
        (("--classes", "smoke"), "CSV does not number its classes"),
        (("--unmapped", "keep"), "Without a mapping"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(words: tuple[str, ...], what: str, tmp_path: Path) -> None:
    assert what in refused(tmp_path / "a.csv", "--format", "csv", *words)
    assert names_in(tmp_path) == []


def test_a_sample_that_was_not_drawn_has_nothing_to_go_out(tmp_path: Path) -> None:
    collections.create("drawn", query={"type": "image"}, sample={"order": "random", "count": 3}, by=NOBODY)
    assert "not frozen yet" in refused(tmp_path / "a.csv", "--format", "csv", "--collection", "drawn")


def test_a_place_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert "There is no folder" in refused(tmp_path / "none" / "a.csv", "--format", "csv")
    assert "is a folder" in refused(tmp_path, "--format", "csv", "--force")
    assert "is a file" in refused(tmp_path / "file", "--format", "voc", "--force")


def test_in_words_it_says_what_was_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    media = named("a.jpg", 1)
    truth(media, "smoke", "antenna")
    with pytest.raises(CommandError) as error:
        call_command("export_annotations", str(tmp_path / "a.csv"), "--format", "csv", "--mapping", "fumée=smoke")
    assert error.value.returncode == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"media {media.pk}: antenna: The mapping makes antenna of no class."
    assert lines[1].startswith("1 media in 1 files, 0 refused, 0 without such a layer. Regions: 1 written, 1 renamed")
