"""Real datasets, given a meaning."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Count

from curation.actions.meaning.outgoing import write
from curation.actions.meaning.rules import chosen
from curation.formats.table import FORMATS
from curation.formats.writing import Options
from curation.models import Annotation, AnnotationRevision, Media, Origin, Region
from curation.tests.imaging_files import SAMPLES
from curation.tests.importing.helpers import take as ingest
from curation.tests.meaning.helpers import RULES, counted, told

pytestmark = pytest.mark.django_db
A, B = SAMPLES / "A_roboflow_fire_v8_yolo", SAMPLES / "B_nemo_alertwildfire_coco"
I = SAMPLES / "I_derived_pyronear_layout"  # noqa: E741  # its name


@pytest.fixture(autouse=True)
def _samples() -> None:
    if not A.is_dir():
        pytest.skip(f"needs the samples in {SAMPLES}")


def test_a_yolo_dataset_means_what_its_mapping_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ingest(A)
    code, said = told(str(A), "--mapping", RULES, "--truth", capsys=capsys)
    assert (code, counted(said)) == (1, [122, 146, 4, 0, 191, 0])  # the layers that ingest made got a revision
    whats = [line["what"] for item in said["told"] for line in item["told"]]
    assert (whats.count("dropped"), sum("refused" in what for what in whats)) == (146, 4)
    assert all(line["where"].startswith("line ") for item in said["told"] for line in item["told"])
    assert Region.objects.filter(label__code="smoke", is_truth=True).count() == 122
    assert Annotation.objects.count() == 195
    before = dict(AnnotationRevision.objects.filter(is_truth=True).values_list("annotation__media", "regions_sha256"))

    _shuffle(shutil.copytree(A, tmp_path / "shuffled"))
    code, said = told(str(tmp_path / "shuffled"), "--mapping", RULES, "--truth", capsys=capsys)
    assert (code, counted(said)[:3]) == (1, [122, 146, 4])
    rows = AnnotationRevision.objects.filter(annotation__sha256__in=_digests(tmp_path), is_truth=True)
    latest = dict(rows.order_by("pk").values_list("annotation__media", "regions_sha256"))
    assert latest == before  # the same regions, whatever number a class has


def _shuffle(folder: Path) -> None:
    """Other numbers for the same classes."""
    (folder / "data.yaml").write_text("names: [smoke, Fire, default]\nnc: 3\n")
    becomes = {"0": "1", "1": "2", "2": "0"}
    for label in folder.glob("*/labels/*.txt"):
        label.write_text(re.sub(r"(?m)^\d", lambda found: becomes[found[0]], label.read_text()))


def _digests(folder: Path) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("shuffled/*/labels/*.txt")]


def test_sequences_hold_truth_and_predictions_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shutil.copytree(I, tmp_path / "i")
    strange = folder / "wildfire" / "demo-city_hill-01_999_2021-05-04T15-00-00" / "labels" / "no such frame.txt"
    strange.write_text("0 0.5 0.5 0.1 0.1\n")
    ingest(I)
    words = ("--mapping", "smoke=smoke", "--classes", "smoke")
    code, said = told(str(folder), *words, "--truth", capsys=capsys)
    assert (code, said["regions_kept"], said["media_not_found"]) == (1, 59, 1)
    assert [item["path"] for item in said["told"] if item["verdict"] == "not_found"] == [
        str(strange.relative_to(folder))
    ]
    assert sum(line["what"] == "a prediction, never truth" for item in said["told"] for line in item["told"]) == 3
    assert told(str(folder / "fp"), *words, "--predictions", capsys=capsys)[0] == 0
    truth, score = Region.objects.filter(is_truth=True), Region.objects.filter(score__isnull=False)
    by_sequence = truth.values_list("media__sequence").annotate(count=Count("pk")).order_by("media__sequence")
    assert list(by_sequence) == [
        ("demo-a14_highway-01_120_2018-08-06T11-40-00", 39),
        ("demo-city_hill-01_999_2021-05-04T15-00-00", 20),
    ]
    assert set(score.values_list("origin", "is_truth", "media__sequence")) == {
        (Origin.PREDICTION, False, "demo-a14_highway-01_120_2018-08-05T09-00-00")
    }
    assert score.count() == 3
    assert not Media.objects.filter(sequence__contains="hill-01", azimuth__isnull=False).exists()


def test_coco_comes_out_as_it_went_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ingest(B)
    source, rules = B / "nemo_sample_train.json", "smoke=smoke,NightSmoke=smoke"
    said = told(str(source), "--mapping", rules, "--unmapped", "keep", capsys=capsys)[1]
    assert (counted(said), said["media_not_found"]) == ([7, 0, 0, 6, 0, 0], 0)
    given, layers = json.loads(source.read_bytes()), Annotation.objects.select_related("current", "media")
    names = {each["id"]: each["name"] for each in given["categories"]}
    with (tmp_path / "out.json").open("wb") as file:
        write(file, layers.iterator(), FORMATS["coco"], chosen(rules, "keep"), Options(names=names))
    came, went = (_boxes(each) for each in (json.loads((tmp_path / "out.json").read_bytes()), given))
    assert [key for key, _ in came] == [key for key, _ in went]
    for (_, box), (_, other) in zip(came, went, strict=True):
        assert box == pytest.approx(other, abs=0.5)


def _boxes(said: dict[str, Any]) -> list[tuple[tuple[str, str, float], list[float]]]:
    """File name, category and left edge of each box, and the box within its picture."""
    images = {each["id"]: each for each in said["images"]}
    categories = {each["id"]: each["name"] for each in said["categories"]}
    found = []
    for each in said["annotations"]:
        image, (x, y, w, h) = images[each["image_id"]], each["bbox"]
        inside = [x, y, min(w, image["width"] - x), min(h, image["height"] - y)]
        found.append(((image["file_name"], categories[each["category_id"]], round(x)), inside))
    return sorted(found)
