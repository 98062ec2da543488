"""Folders of labels, a file for each picture."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.actor import Actor
from accounts.models import AuditEntry, Organisation
from accounts.tests.cast import Cast
from curation.actions.imports import CannotRead
from curation.models import Annotation, AnnotationRevision, ImportRun, Media, Origin, Region, StoredObject
from curation.storage.stores import object_store
from curation.tests.contract.helpers import everything
from curation.tests.deeds import stored_annotation
from curation.tests.importing.helpers import fill, tarred
from curation.tests.importing.helpers import take as ingest
from curation.tests.meaning.helpers import NAMES, counted, named, only_layer, reasons, shown, take, told, verdicts
from curation.tests.pictures import picture, zipped

pytestmark = pytest.mark.django_db
SMOKE, FIRE, MODEL = b"2 0.5 0.5 0.1 0.1\n", b"0 0.2 0.2 0.1 0.1\n", b"2 0.5 0.5 0.1 0.1 0.9\n"
WRITTEN = ("media", "annotations", "ledger", "objects")
VOC = b"""<annotation><filename>a.jpg</filename><size><width>320</width><height>240</height><depth>3</depth></size>
<object><name>smoke</name><bndbox><xmin>32</xmin><ymin>24</ymin><xmax>64</xmax><ymax>48</ymax></bndbox></object>
</annotation>"""


def dataset(folder: Path, **labels: bytes) -> Path:
    """A YOLO dataset of pictures that are taken in already."""
    files = {f"images/{name}.jpg": picture(number) for number, name in enumerate(labels)}
    ingest(fill(folder, files))
    return fill(folder, {"data.yaml": NAMES} | {f"labels/{name}.txt": content for name, content in labels.items()})


# --- What a folder says ----------------------------------------------------------------------------


def test_each_label_is_kept_byte_for_byte_and_means_what_the_mapping_says(tmp_path: Path) -> None:
    outcome = take(dataset(tmp_path, a=SMOKE + FIRE, b=b""))
    a, b = (only_layer(media) for media in Media.objects.order_by("original_name"))
    assert (a.format, a.origin, a.is_truth, a.state, a.regions_count) == ("yolo", Origin.IMPORTED, False, "parsed", 1)
    assert a.current
    assert a.current.file == a.file
    with object_store().open_read(a.file.name or "") as file:
        assert file.read() == SMOKE + FIRE
    assert shown(a.media) == [("smoke", None)]
    assert (b.state, b.regions_count, b.current and b.current.regions) == ("parsed", 0, [])  # nothing is to be seen
    assert outcome.run
    assert outcome.run.mapping
    assert a.current.report
    assert a.current.report["mapping"] == {"name": "", "version": None, "import": outcome.run.pk}
    assert a.current.report["rules"] == outcome.run.mapping["digest"]
    assert outcome.run.mapping["rules"] == {"smoke": "smoke", "Fire": "drop"}
    entry = AuditEntry.objects.get(action="annotation.import", row_id=a.pk)
    assert entry.after
    assert entry.after["media_id"] == a.media_id


def test_again_it_changes_nothing_and_another_mapping_makes_the_next_revision(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(dataset(tmp_path, a=SMOKE + FIRE, b=b""))
    assert counted(told(folder, "--mapping", "smoke=smoke,Fire=drop", capsys=capsys)[1]) == [1, 1, 0, 2, 0, 0]
    before = everything()
    assert counted(told(folder, "--mapping", "Fire=drop,smoke=smoke", capsys=capsys)[1]) == [1, 1, 0, 0, 0, 2]
    assert {name: everything()[name] for name in WRITTEN} == {name: before[name] for name in WRITTEN}
    assert counted(told(folder, "--mapping", "smoke=wildfire,Fire=drop", capsys=capsys)[1]) == [1, 1, 0, 0, 2, 0]
    assert Annotation.objects.count() == 2
    assert [shown(media) for media in Media.objects.order_by("original_name")] == [[("wildfire", None)], []]


def test_labels_that_were_kept_without_a_meaning_get_it_afterwards(tmp_path: Path) -> None:
    folder = dataset(tmp_path, a=SMOKE)
    ingest(folder)
    layer = Annotation.objects.get()
    assert (layer.state, layer.regions_count) == ("stored", 0)
    take(folder)
    layer.refresh_from_db()
    assert (layer.state, layer.regions_count, layer.revisions.count()) == ("parsed", 1, 2)
    assert verdicts() == {"labels/a.txt": "changed"}


def test_a_trial_counts_the_same_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(dataset(tmp_path, a=SMOKE + FIRE, b=b"1 0.5 0.5 0.1 0.1\n"))
    before = everything()
    code, tried = told(folder, "--mapping", "smoke=smoke,Fire=drop", "--dry-run", capsys=capsys)
    assert everything() == before
    assert (code, tried["run"]) == (1, None)
    done = told(folder, "--mapping", "smoke=smoke,Fire=drop", capsys=capsys)[1]
    assert tried == done | {"run": None}


# --- Truth and predictions -------------------------------------------------------------------------


def test_truth_is_declared_for_the_layer_that_is_there(tmp_path: Path) -> None:
    folder = dataset(tmp_path, a=SMOKE)
    take(folder)
    take(folder, claim="truth")
    layer = Annotation.objects.get()
    assert (layer.origin, layer.is_truth, layer.revisions.count()) == (Origin.IMPORTED, True, 2)
    assert Region.objects.get().is_truth


def test_truth_is_not_taken_back_by_who_says_nothing_of_it(tmp_path: Path) -> None:
    folder = dataset(tmp_path, a=SMOKE)
    take(folder, claim="truth")
    take(folder)
    assert verdicts() == {"labels/a.txt": "unchanged"}
    outcome = take(folder, "smoke=wildfire")
    assert reasons() == ["It was declared to be truth; say so again, or leave it."]
    assert (outcome.tally["regions_kept"], outcome.tally["regions_refused"]) == (0, 1)
    layer = Annotation.objects.get()
    assert (layer.is_truth, layer.revisions.count(), shown(layer.media)) == (True, 1, [("smoke", None)])


def test_a_line_with_a_score_never_becomes_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(dataset(tmp_path, a=SMOKE + MODEL, b=MODEL))
    code, said = told(folder, "--mapping", "smoke=smoke", "--truth", capsys=capsys)
    assert (code, counted(said)[:3]) == (1, [1, 0, 2])
    a, b = (only_layer(media) for media in Media.objects.order_by("original_name"))
    assert (a.is_truth, a.state, a.regions_count) == (True, "problem", 1)
    assert (b.is_truth, b.state, b.current and b.current.regions) == (False, "problem", None)  # kept, and says nothing
    assert not Region.objects.filter(score__isnull=False).exists()
    assert told(folder, "--mapping", "smoke=smoke", "--predictions", "--model", "yolo@11", capsys=capsys)[0] == 0
    scored = Region.objects.filter(score=0.9).select_related("annotation")
    assert {(row.origin, row.is_truth, row.annotation.model_name, row.annotation.model_version) for row in scored} == {
        (Origin.PREDICTION, False, "yolo", "11")
    }
    assert Region.objects.filter(is_truth=True).count() == 1  # the truth is as it was, in a layer of its own


def test_a_model_is_named_for_a_layer_that_is_there_and_not_forgotten(tmp_path: Path) -> None:
    folder = dataset(tmp_path, a=MODEL)
    take(folder)
    take(folder, claim="predictions", model_name="yolo", model_version="11")
    assert verdicts() == {"labels/a.txt": "changed"}
    take(folder, "smoke=wildfire", claim="predictions")
    layer = Annotation.objects.get()
    assert (layer.model_name, layer.model_version, layer.revisions.count()) == ("yolo", "11", 3)


def test_who_changes_only_own_layers_gets_one_beside_that_of_another(cast: Cast, tmp_path: Path) -> None:
    media = named("a.jpg", 1, owner=cast.ana)
    theirs = stored_annotation(media, SMOKE, by=Actor(cast.olga, door="api"))
    take(fill(tmp_path, {"data.yaml": NAMES, "labels/a.txt": SMOKE}), by=Actor(cast.ana, door="command"))
    theirs.refresh_from_db()
    assert (theirs.version, theirs.state) == (2, "stored")
    assert Annotation.objects.get(owner=cast.ana).regions_count == 1


def test_folders_say_what_their_labels_are(tmp_path: Path) -> None:
    folder = dataset(tmp_path, a=SMOKE)
    fill(folder, {"labels_predictions/a.txt": MODEL, "labels_ground_truth/a.txt": b"2 0.4 0.4 0.1 0.1"})
    take(folder, claim="truth")
    assert verdicts()["labels_predictions/a.txt"] == "refused"
    assert "It lies among predictions, and is never truth." in reasons()
    take(folder, claim="predictions")
    assert verdicts()["labels_ground_truth/a.txt"] == "refused"
    take(folder)
    assert verdicts() == dict.fromkeys(
        ("labels/a.txt", "labels_ground_truth/a.txt", "labels_predictions/a.txt"), "unchanged"
    )


def test_what_a_device_sent_as_prediction_becomes_nothing_else(cast: Cast, tmp_path: Path) -> None:
    folder = dataset(tmp_path, a=SMOKE)
    media = Media.objects.get()
    row = stored_annotation(media, SMOKE, by=Actor(cast.tower, door="api"))
    take(folder, claim="truth")
    row.refresh_from_db()
    assert (row.origin, row.is_truth, row.regions_count) == (Origin.PREDICTION, False, 0)
    assert Annotation.objects.filter(origin=Origin.IMPORTED, is_truth=True).count() == 1


def test_a_human_layer_is_never_touched(tmp_path: Path) -> None:
    folder = dataset(tmp_path, a=SMOKE)
    row = Annotation.objects.create(media=Media.objects.get(), origin=Origin.HUMAN, is_truth=True)
    take(folder, claim="truth")
    row.refresh_from_db()
    assert (row.version, row.current) == (1, None)
    assert Annotation.objects.count() == 2


# --- Names of classes ------------------------------------------------------------------------------


def test_numbers_without_names_are_refused(tmp_path: Path) -> None:
    folder = dataset(tmp_path, a=SMOKE)
    (folder / "data.yaml").unlink()
    outcome = take(folder)
    assert outcome.tally["regions_refused"] == 1
    assert [item.told for item in outcome.told()] == [
        [["line 1", "class 2, which has no name", "refused, the mapping does not name it"]]
    ]
    assert take(folder, names={2: "smoke"}).tally["regions_kept"] == 1


def test_the_nearest_list_of_names_counts_and_a_given_one_before_all(tmp_path: Path) -> None:
    folder = dataset(tmp_path, a=SMOKE)
    fill(folder, {"labels/classes.txt": b"x\ny\nFire\n"})
    assert take(folder).tally["regions_dropped"] == 1
    assert take(folder, names={2: "smoke"}).tally["regions_kept"] == 1


def test_two_lists_of_one_folder_that_differ_are_not_guessed_from(tmp_path: Path) -> None:
    folder = fill(dataset(tmp_path, a=SMOKE), {"classes.txt": b"smoke\n"})
    with pytest.raises(CannotRead, match="Two lists of classes in the topmost folder differ"):
        take(folder)
    assert ImportRun.objects.latest("pk").state == "failed"
    fill(folder, {"classes.txt": b"Fire\ndefault\nsmoke\n"})
    assert take(folder).tally["regions_kept"] == 1


# --- Which media -----------------------------------------------------------------------------------


def test_the_picture_beside_a_label_says_which_media_it_is(tmp_path: Path) -> None:
    """Another picture of the same name is no match; the same picture under another name is."""
    strange = named("a.jpg", 7)
    folder = fill(tmp_path, {"data.yaml": NAMES, "images/a.jpg": picture(1), "labels/a.txt": SMOKE})
    assert take(folder).tally["not_found"] == 1
    assert (shown(strange), reasons()) == ([], ["No media has this SHA-256."])
    same = named("elsewhere.jpg", 1)
    assert take(folder).tally["created"] == 1
    assert shown(same) == [("smoke", None)]


def test_without_its_picture_a_label_is_found_by_its_name(tmp_path: Path) -> None:
    media = named("A.PNG", 1)
    take(fill(tmp_path, {"data.yaml": NAMES, "labels/a.txt": SMOKE, "labels/none.txt": SMOKE}))
    assert shown(media) == [("smoke", None)]
    assert verdicts() == {"labels/a.txt": "created", "labels/none.txt": "not_found"}


def test_several_of_one_name_are_not_guessed_from_but_told_apart_by_path(tmp_path: Path) -> None:
    ingest(fill(tmp_path / "in", {f"{part}/images/a.jpg": picture(n) for n, part in enumerate(("train", "valid"))}))
    take(fill(tmp_path / "one", {"data.yaml": NAMES, "labels/a.txt": SMOKE}))
    assert (verdicts(), reasons()) == ({"labels/a.txt": "refused"}, ["2 media are called so; none was chosen."])
    take(fill(tmp_path / "two", {"data.yaml": NAMES, "valid/labels/a.txt": SMOKE}))
    assert verdicts() == {"valid/labels/a.txt": "created"}
    assert only_layer(Media.objects.get(sha256=_digest(picture(1)))).regions_count == 1


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_only_what_the_owner_sees_is_found_and_what_is_deleted_is_not(cast: Cast, tmp_path: Path) -> None:
    hidden, own = named("a.jpg", 1, owner=cast.olga), named("b.jpg", 2, owner=cast.ana)
    folder = fill(tmp_path, {"data.yaml": NAMES, "labels/a.txt": SMOKE, "labels/b.txt": SMOKE})
    take(folder, by=Actor(cast.ana, door="command"))
    assert (shown(hidden), shown(own)) == ([], [("smoke", None)])
    assert only_layer(own).owner == cast.ana
    Media.objects.filter(pk=hidden.pk).update(deleted_at=hidden.created_at)
    assert take(folder).tally["not_found"] == 1


def test_an_organisation_narrows_the_search(tmp_path: Path) -> None:
    one, other = (Organisation.objects.create(name=name) for name in ("one", "other"))
    for number, organisation in enumerate((one, other)):
        named("a.jpg", number, organisation=organisation)
    folder = fill(tmp_path, {"data.yaml": NAMES, "labels/a.txt": SMOKE})
    assert take(folder).tally["refused"] == 1
    assert take(folder, organisation_id=one.pk).tally["created"] == 1


# --- What cannot be taken --------------------------------------------------------------------------


def test_a_file_that_nobody_understands_is_kept_beside_its_picture_with_the_reason(tmp_path: Path) -> None:
    folder = dataset(tmp_path, a=b"this is prose\n")
    take(folder)
    layer = Annotation.objects.select_related("current").get()
    assert (layer.state, layer.format, layer.current and layer.current.regions) == ("problem", "text", None)
    assert reasons() == ["Kept as it came, without a meaning. The file is of no format that we read."]
    before = AnnotationRevision.objects.count()
    take(folder)
    assert AnnotationRevision.objects.count() == before


def test_a_line_that_is_odd_costs_that_line_and_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(dataset(tmp_path, a=SMOKE + b"2 0.5 0.5\n"))
    code, said = told(folder, "--mapping", "smoke=smoke", capsys=capsys)
    assert (code, said["regions_kept"], said["problems"]) == (1, 1, 1)
    assert [line["where"] for item in said["told"] for line in item["told"]] == ["line 2"]
    assert Annotation.objects.get().state == "problem"


def test_files_that_are_no_labels_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = dataset(tmp_path, a=SMOKE)
    fill(folder, {"notes.json": b'{"a": 1}', "README.md": b"x", "pixels.txt": b"\xff\xfe", "labels/odd.txt": b"\x00"})
    code, said = told(str(folder), "--mapping", "smoke=smoke", capsys=capsys)
    assert (code, said["skipped"], said["refused"], said["files"]) == (1, 2, 1, 4)


def test_voc_files_are_read_with_the_size_of_their_media(tmp_path: Path) -> None:
    media = named("a.jpg", 1)
    fill(tmp_path, {"JPEGImages/a.jpg": picture(1), "Annotations/a.xml": VOC})
    take(tmp_path)
    box = Region.objects.get(media=media)
    assert (box.x1, box.y1, box.x2, box.y2) == (0.1, 0.1, 0.2, 0.2)


def test_an_archive_is_read_as_the_folder_it_was(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set", a=SMOKE, b=SMOKE)
    files = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.*"))}
    for name, content in (("a.zip", zipped(files)), ("a.tar.gz", tarred(files, "w:gz"))):
        (tmp_path / name).write_bytes(content)
        outcome = take(tmp_path / name)
        assert outcome.files == 2
        assert outcome.tally["not_found"] == 0
    assert Annotation.objects.count() == 2


# --- The command -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--mapping", "smoke=smog"], "there is no living label smog"),
        (["--mapping", "smoke=smoke", "--owner", "nobody"], "no active access"),
        (["--mapping", "smoke=smoke", "--organisation", "none"], "no organisation"),
        (["--mapping", "smoke=smoke", "--model", "yolo"], "A model is named for predictions alone"),
        (["--mapping", "smoke=smoke", "--classes", "a,,b"], "Classes are names"),
        (["--mapping", "smoke=smoke", "--parallel", "0"], "from 1 to 64"),
    ],
)
def test_what_cannot_be_done_exits_with_2_and_writes_nothing(words: list[str], sentence: str, tmp_path: Path) -> None:
    before = everything()
    with pytest.raises(CommandError, match=sentence) as refused:
        call_command("import_annotations", str(tmp_path), *words)
    assert refused.value.returncode == 2
    assert everything() == before


def test_a_path_that_is_not_there_exits_with_2(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no such folder or file") as refused:
        call_command("import_annotations", str(tmp_path / "none"), "--mapping", "smoke=smoke")
    assert refused.value.returncode == 2


def test_it_says_in_words_what_became_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = dataset(tmp_path, a=SMOKE + FIRE)
    (folder / "names").write_text("Fire\ndefault\nsmoke\n")
    words = ("--mapping", "smoke=smoke,Fire=drop", "--classes", str(folder / "names"))
    call_command("import_annotations", str(folder), *words)
    said = capsys.readouterr().out
    assert "labels/a.txt: line 2 (Fire): dropped" in said
    assert "1 files. Regions: 1 kept, 1 dropped, 0 refused, 0 problems. Layers: 1 created" in said


def test_stored_objects_are_those_of_the_files_and_no_more(tmp_path: Path) -> None:
    take(dataset(tmp_path, a=SMOKE, b=SMOKE))
    keys = set(StoredObject.objects.filter(key__startswith="annotations/").values_list("key", flat=True))
    assert keys == {f"annotations/{_digest(SMOKE)[:32]}.txt"}
