"""Layers go out in the words of their source; what a mapping cannot say backwards is refused, not guessed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from curation.actions.meaning.outgoing import write
from curation.actions.meaning.rules import chosen
from curation.formats.refusals import CannotSay
from curation.formats.table import FORMATS
from curation.formats.writing import Options
from curation.models import Annotation, Origin
from curation.tests.importing.helpers import fill
from curation.tests.labels import box, predicted
from curation.tests.meaning.helpers import named, take

pytestmark = pytest.mark.django_db
LINES = b"0 0.500000000 0.500000000 0.100000000 0.100000000\n2 0.200000000 0.200000000 0.100000000 0.100000000\n"
NAMES = {0: "fire", 1: "tree", 2: "smoke"}


def out(layers: list[Annotation], rules: str, unmapped: str = "") -> bytes:
    file = io.BytesIO()
    write(file, layers, FORMATS["yolo"], chosen(rules, unmapped), Options(names=NAMES))
    return file.getvalue()


def layers() -> list[Annotation]:
    return list(Annotation.objects.select_related("media", "current"))


@pytest.mark.parametrize("rules", ["smoke=smoke,fire=wildfire", "smoke=smoke,fire=smoke", "smoke=smoke,default=keep"])
def test_yolo_goes_out_as_it_came_in(rules: str, tmp_path: Path) -> None:
    named("a.jpg", 1)
    take(fill(tmp_path, {"labels/a.txt": LINES}), rules, names=NAMES)
    assert sorted(out(layers(), rules).splitlines()) == LINES.splitlines()


@pytest.mark.parametrize(
    ("label", "rules", "what"),
    [
        ("antenna", "smoke=smoke", "makes antenna of no class"),
        ("wildfire", "fire=wildfire,tree=wildfire", "makes wildfire of several classes"),
        ("", "smoke=smoke", "makes a region without a label of no class"),
    ],
)
def test_a_label_without_one_class_is_refused(label: str, rules: str, what: str) -> None:
    predicted(named("a.jpg", 1), [box(label)])
    with pytest.raises(CannotSay, match=what):
        out(layers(), rules)


def test_a_label_that_was_given_here_goes_out_as_the_only_class_that_means_it() -> None:
    predicted(named("a.jpg", 1), [box("wildfire")], origin=Origin.IMPORTED)
    assert out(layers(), "fire=wildfire,smoke=smoke,tree=drop").startswith(b"0 ")
