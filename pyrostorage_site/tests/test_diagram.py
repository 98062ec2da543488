"""The picture of the tables in the README: `make picture` draws it, and no change of the models leaves it behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.apps import apps

from pyrostorage_site.diagram.__main__ import APPS, PICTURE, TEXT, drawn_from

ROOT = Path(__file__).resolve().parents[2]
WRITE = "from pyrostorage_site.diagram.__main__ import text_of_models; print(text_of_models(), end='')"
AGAIN = "the models have changed: run `make picture` and commit docs/data-model.*"


def written() -> str:
    """What the models say now; in a process of its own, because the app that writes it is not one of the service's."""
    done = subprocess.run([sys.executable, "-c", WRITE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_committed_text_is_what_the_models_say() -> None:
    assert TEXT.read_text() == written(), AGAIN


def test_the_picture_was_drawn_from_the_committed_text() -> None:
    assert drawn_from(TEXT.read_text()) in PICTURE.read_text(), AGAIN


@pytest.mark.parametrize("app", APPS)
def test_every_table_is_drawn_with_every_column(app: str) -> None:
    text = TEXT.read_text()
    for model in apps.get_app_config(app).get_models():
        _, begins, rest = text.partition(f"    {model.__name__} [label")
        table = rest.partition("</TABLE>")[0]
        assert begins
        assert [field.name for field in model._meta.local_fields if f">{field.name}&#160;<" not in table] == []


@pytest.mark.parametrize("name", ["flow.svg", "data-model.svg"])
def test_the_pictures_of_the_readme_are_whole_svg_files_that_fetch_nothing(name: str) -> None:
    text = (ROOT / "docs" / name).read_text()
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme: dark" in text
    assert "<script" not in text
    assert 'href="http' not in text
    assert f"docs/{name}" in (ROOT / "README.md").read_text()
