"""What tests of imported annotations do again and again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.actor import Actor
from accounts.models import Access
from curation.actions import media as medias
from curation.actions.annotation_imports import Outcome, import_annotations
from curation.actions.meaning.asked import Asked, Claim
from curation.actions.meaning.rules import chosen
from curation.models import Annotation, ImportItem, ImportRun, Media, Region
from curation.tests.deeds import NOBODY, spooled
from curation.tests.pictures import picture

RULES = "smoke=smoke,Fire=drop,default=refuse"
NAMES = b"names: [Fire, default, smoke]\nnc: 3\n"
VOC = (
    b"<annotation><size><width>64</width><height>48</height></size><object><name>%b</name><bndbox>"
    b"<xmin>6</xmin><ymin>6</ymin><xmax>20</xmax><ymax>20</ymax></bndbox></object></annotation>"
)
COUNTED = ("regions_kept", "regions_dropped", "regions_refused", "layers_created", "layers_changed", "layers_unchanged")


def asked(rules: str = RULES, *, claim: str = "", by: Actor = NOBODY, unmapped: str = "", **more: Any) -> Asked:
    return Asked(by, chosen(rules, unmapped), Claim(claim), **more)


def take(source: Path | str, rules: str = RULES, **options: Any) -> Outcome:
    return import_annotations(str(source), asked(rules, **options))


def named(name: str, seed: int = 0, *, owner: Access | None = None, **columns: Any) -> Media:
    """A media with a picture of its own seed, under a file name."""
    by = Actor(owner, door="api")
    with spooled(picture(seed)) as received:
        media = medias.accept(medias.create(by=by), received, name=name, by=by)
    if columns:
        Media.objects.filter(pk=media.pk).update(**columns)
        media.refresh_from_db()
    return media


def told(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """Exit code of the command, and what its last line says."""
    code = 0
    try:
        call_command("import_annotations", *words, "--json")
    except CommandError as error:
        code = error.returncode
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def counted(said: dict[str, Any]) -> list[int]:
    """Regions kept, dropped, refused; layers created, changed, unchanged."""
    return [said[name] for name in COUNTED]


def verdicts(run: ImportRun | None = None) -> dict[str, str]:
    rows = ImportItem.objects.filter(run=run or ImportRun.objects.latest("pk"))
    return dict(rows.values_list("path", "verdict"))


def reasons() -> list[str]:
    """Of the last run, those that there are."""
    rows = ImportItem.objects.filter(run=ImportRun.objects.latest("pk")).exclude(reason="")
    return list(rows.order_by("path").values_list("reason", flat=True))


def shown(media: Media) -> list[tuple[str | None, float | None]]:
    """Label and score of all that is found of a media."""
    return sorted(Region.objects.filter(media=media).values_list("label__code", "score"), key=str)


def only_layer(media: Media) -> Annotation:
    return Annotation.objects.select_related("current").get(media=media)


def coco(
    images: list[dict[str, Any]], boxes: list[tuple[int, int]], classes: tuple[str, ...] = ("Fire", "default", "smoke")
) -> bytes:
    """boxes: image id and category id of each. Categories count from 1."""
    annotations = [
        {"id": number, "image_id": image, "category_id": category, "bbox": [number % 30, 5, 20, 20]}
        for number, (image, category) in enumerate(boxes, 1)
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
    listed = [{"width": 64, "height": 48} | image for image in images]
    return json.dumps({"images": listed, "annotations": annotations, "categories": categories}).encode()
