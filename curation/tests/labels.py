"""Regions and their labels, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from django.apps import apps

from accounts.actor import Actor
from curation.actions import annotations as layers
from curation.actions.commit import commit
from curation.actions.layers import MADE_HERE
from curation.actions.regions import Said
from curation.formats.regions import Region, rounded
from curation.models import Annotation, Label, Media, Origin
from curation.tests.deeds import NOBODY

SMOKE = {"label": "smoke", "x1": 0.1, "y1": 0.1, "x2": 0.3, "y2": 0.3}  # as the API takes it


def ship_labels() -> None:
    """The labels that every installation begins with: tests with real commits empty their table as well."""
    if not Label.objects.exists():
        import_module("curation.migrations.0010_labels").ship(apps, None)


def box(label: str = "smoke", *, x: float = 0.1, y: float = 0.1, size: float = 0.2, **more: Any) -> Region:
    return Region(x, y, rounded(x + size), rounded(y + size), label=label, **more)


def say(annotation: Annotation, regions: Sequence[Region], *, by: Actor = NOBODY) -> Annotation:
    """Append a revision that was read and understood, as readers of files do."""
    said = Said(regions)

    def rows() -> Annotation:
        layers.append(annotation, said.content(), MADE_HERE, by=by, said=said)
        return annotation

    return commit(said.content(), rows=rows)


def predicted(media: Media | int, regions: Sequence[Region], **columns: Any) -> Annotation:
    """A layer of a model, or (by `columns`) an imported one."""
    media_id = media if isinstance(media, int) else media.pk
    row = Annotation.objects.create(media_id=media_id, **({"origin": Origin.PREDICTION} | columns))
    return say(row, regions)
