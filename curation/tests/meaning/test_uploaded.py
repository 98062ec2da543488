"""What a single uploaded file of labels says: found out by a job, kept as the next revision of the same layer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.tests.cast import Cast, api
from curation.actions import annotations as layers
from curation.actions import taxonomy
from curation.actions.check import examine
from curation.actions.meaning import uploaded
from curation.models import Annotation, Job, Region
from curation.storage.stores import object_store
from curation.tests.deeds import NOBODY, actor, label, stored_annotation, stored_media
from curation.tests.labels import ship_labels
from curation.tests.meaning.helpers import VOC, coco, named, only_layer, shown
from curation.tests.pictures import part

pytestmark = pytest.mark.django_db
PREDICTIONS = json.dumps(
    {"predictions": [{"xyxyn": [0.1, 0.1, 0.2, 0.2], "confidence": 0.8, "class_name": "smoke"}]}
).encode()
TWO: list[dict[str, Any]] = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}]
YOLO = b"0 0.5 0.5 0.2 0.2\n1 0.3 0.3 0.1 0.1\n"


@pytest.fixture(autouse=True)
def _labels(db: None) -> None:
    ship_labels()


@dataclass
class Attempt:
    payload: dict[str, Any] = field(default_factory=dict)

    def progress(self, done: int, total: int | None = None) -> None:
        """Nobody watches."""


def read_all() -> None:
    """Run the jobs that uploads have asked for."""
    for job in Job.objects.filter(kind="read", state=Job.State.WAITING).order_by("pk"):
        uploaded.read(Attempt(job.payload))


def report_of(layer: Annotation) -> Any:
    assert layer.current is not None
    assert layer.current.report is not None
    return layer.current.report


def test_the_predictions_of_a_device_get_their_regions_and_stay_predictions(cast: Cast) -> None:
    media = stored_media()
    layer = stored_annotation(media, PREDICTIONS, by=actor(cast.tower))
    read_all()
    layer.refresh_from_db()
    assert (layer.state, layer.format, layer.origin, layer.is_truth) == (
        "parsed", "pyronear_predictions", "prediction", False,
    )  # fmt: skip
    assert shown(media) == [("smoke", 0.8)]
    first, second = layer.revisions.order_by("number")
    assert (first.sha256, first.regions) == (second.sha256, None)
    assert (second.note, second.author_login) == ("read as pyronear_predictions", "")
    assert examine(full=True).clean


def test_an_uploaded_file_is_read_over_the_api_without_a_word_more(cast: Cast) -> None:
    media = stored_media()
    client = api(cast.ana)
    row = client.post("/annotations", {"media_id": media.pk}, format="json").json()["id"]
    assert client.post(f"/annotations/{row}/upload", {"file": part(VOC % b"smoke", "x.xml")}).status_code == 200
    read_all()
    said = client.get(f"/annotations/{row}/regions").json()
    assert [region["label"] for region in said["regions"]] == ["smoke"]
    assert client.get(f"/annotations/{row}").json()["state"] == "parsed"


def test_a_class_that_is_no_label_is_kept_without_one_and_listed() -> None:
    media = stored_media()
    layer = stored_annotation(media, VOC % b"Feuer")
    read_all()
    layer.refresh_from_db()
    assert shown(media) == [(None, None)]
    assert report_of(layer)["problems"][0]["class"] == "Feuer"


def test_class_numbers_mean_nothing_without_a_mapping() -> None:
    media = stored_media()
    stored_annotation(media, YOLO)
    read_all()
    assert shown(media) == [(None, None), (None, None)]


def test_the_mapping_called_uploads_says_what_classes_and_numbers_become() -> None:
    taxonomy.new_mapping("uploads", {"0": "smoke", "1": "drop"}, "refuse", by=NOBODY)
    media = stored_media()
    layer = stored_annotation(media, YOLO)
    read_all()
    layer.refresh_from_db()
    assert shown(media) == [("smoke", None)]
    assert report_of(layer)["mapping"] == {"name": "uploads", "version": 1, "import": None}
    assert report_of(layer)["dropped"] == 1


def test_a_file_of_no_format_is_kept_shown_as_unknown_and_not_looked_into_again() -> None:
    layer = stored_annotation(stored_media(), b"nothing to see here, only words\n")
    read_all()
    layer.refresh_from_db()
    assert (layer.state, layer.format, layer.revisions.count()) == ("stored", "unknown", 1)
    assert not uploaded.unread().exists()
    label(layer, PREDICTIONS)
    read_all()
    layer.refresh_from_db()
    assert (layer.state, layer.format) == ("parsed", "pyronear_predictions")


def test_a_line_that_cannot_be_is_a_problem_and_the_others_count() -> None:
    layer = stored_annotation(stored_media(), b"0 0.5 0.5 0.2 0.2\n0 0.5 nonsense 0.2 0.2\n")
    read_all()
    layer.refresh_from_db()
    assert (layer.state, layer.regions_count) == ("problem", 1)
    assert report_of(layer)["problems_count"] == 1


def test_of_a_file_about_several_pictures_that_of_this_name_counts() -> None:
    media = named("b.jpg", 1)
    stored_annotation(
        media,
        coco(TWO, [(1, 1), (2, 1), (2, 1)], ("smoke",)),
    )
    read_all()
    assert shown(media) == [("smoke", None), ("smoke", None)]


def test_a_file_about_several_others_says_how_to_import_it() -> None:
    media = named("c.jpg", 1)
    stored_annotation(media, coco(TWO, [(1, 1)], ("smoke",)))
    read_all()
    layer = only_layer(media)
    assert layer.state == "problem"
    assert "import_annotations" in report_of(layer)["refusal"]
    assert not Region.objects.exists()


def test_what_came_meanwhile_is_left_alone() -> None:
    media = stored_media()
    layer = stored_annotation(media, YOLO)
    late = Attempt(Job.objects.get(kind="read").payload)
    label(layer, PREDICTIONS)
    uploaded.read(late)
    assert layer.revisions.count() == 2
    read_all()
    read_all()
    assert layer.revisions.count() == 3
    layers.delete(Annotation.objects.get(pk=layer.pk), by=NOBODY)
    uploaded.read(late)
    assert not Region.objects.exists()


def test_the_command_reads_what_nobody_read(capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(3):
        stored_annotation(stored_media(seed), VOC % b"smoke")
    Job.objects.all().delete()
    call_command("read_annotations", "--limit", "2", "--json")
    assert json.loads(capsys.readouterr().out)["understood"] == 2
    call_command("read_annotations")
    assert "1 annotations looked into, 1 of them understood wholly." in capsys.readouterr().out
    assert Region.objects.count() == 3
    with pytest.raises(CommandError, match="at least 1"):
        call_command("read_annotations", "--limit", "0")


@pytest.mark.damages_storage
def test_the_command_says_which_objects_are_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    lost = stored_annotation(stored_media(), VOC % b"smoke")
    object_store().remove(str(lost.file))
    kept = stored_annotation(stored_media(1), VOC % b"tree")
    with pytest.raises(CommandError, match="1 annotations could not be read") as refused:
        call_command("read_annotations")
    assert refused.value.returncode == 1
    assert f"annotation {lost.pk}: The object of this annotation is not in the store." in capsys.readouterr().out
    kept.refresh_from_db()
    assert kept.state == "parsed"
