"""Real pictures, labels and a video of the samples; skipped where they are absent."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from curation.imaging.sniff import Content, Unreadable, identify
from curation.imaging.text import identify_text
from curation.tests.imaging_files import samples

FOLDERS = ["A_roboflow_fire_v8_yolo", "B_nemo_alertwildfire_coco", "D_exif_samples", "G_pyronear_sequence_fixture"]


def told(path: Path) -> Content:
    with path.open("rb") as file:
        return identify(file)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_real_picture_measures_what_its_upright_decoding_measures(folder: str) -> None:
    for path in samples(folder, "*.jpg"):
        content = told(path)
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
        assert (content.extension, content.width, content.height) == ("jpg", *upright.size), path.name


def test_pictures_of_all_orientations_show_the_same_upright_size() -> None:
    contents = [told(path) for path in samples("D_exif_samples", "landscape_*.jpg")]
    assert [(each.width, each.height, each.orientation) for each in contents] == [(600, 450, n) for n in range(1, 9)]


def test_pictures_with_broken_exif_are_kept() -> None:
    for path in samples("D_exif_samples", "image0*.jpg"):
        assert path.parent.name == "invalid"
        assert told(path).orientation == 1


def test_every_real_picture_that_was_cut_is_refused() -> None:
    for path in [*samples("B_nemo_alertwildfire_coco", "*.jpg"), *samples("D_exif_samples", "*.jpg")]:
        whole = path.read_bytes()
        for length in range(0, len(whole), 1024):
            with pytest.raises(Unreadable):
                identify(BytesIO(whole[:length]))


def test_the_real_video_is_measured_and_refused_when_cut() -> None:
    (path,) = samples("C_pyronear_video", "*.mp4")
    assert told(path) == Content("video", "video/mp4", "mp4", 1280, 720, None, 7.5)
    whole = path.read_bytes()
    for length in range(0, len(whole), 1024):
        with pytest.raises(Unreadable):
            identify(BytesIO(whole[:length]))


@pytest.mark.parametrize(
    ("folder", "pattern", "formats"),
    [
        ("A_roboflow_fire_v8_yolo", "labels/*.txt", {"text", "empty"}),
        ("B_nemo_alertwildfire_coco", "*.json", {"json"}),
        ("H_pyro_sdis_coco_labels_only", "*.json", {"json"}),
    ],
)
def test_every_real_label_file_is_told(folder: str, pattern: str, formats: set[str]) -> None:
    found = set()
    for path in samples(folder, pattern):
        with path.open("rb") as file:
            found.add(identify_text(file).format)
    assert found == formats
