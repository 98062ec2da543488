"""Regions drawn over a picture: shapes in fractions of the upright picture, as browsers and small pictures show it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.http import HttpRequest

from accounts.admin.base import asking
from curation.formats.regions import Region as Said
from curation.models import Annotation, Media, Origin, Region

DRAWN = 200  # regions of one picture: more would hide it

Points = Iterable[tuple[float, float]]


class Outline(NamedTuple):
    """points: of an SVG polygon, "x,y x,y ...", 0 to 1. title: what is told of it where it is pointed at."""

    points: str
    origin: str
    title: str


def of_said(annotation: Annotation, regions: Iterable[Said]) -> list[Outline]:
    """What a layer says of its picture; what it says of frames of a video is not drawn."""
    still = [region for region in regions if region.frame is None]
    return [
        Outline(
            _points(region, region.points), annotation.origin, _title(region.label, region.score, annotation.origin)
        )
        for region in still[:DRAWN]
    ]


def of_media(media: Media, request: HttpRequest) -> list[Outline]:
    """What all layers of a picture say that the access may see, in one query."""
    rows = Region.objects.visible_to(asking(request)).filter(media=media, frame=None).select_related("label")
    return [
        Outline(
            _points(row, row.points or ()),
            row.origin,
            _title(row.label.code if row.label else "", row.score, row.origin),
        )
        for row in rows.order_by("pk")[:DRAWN]
    ]


def _points(box: Said | Region, points: Points) -> str:
    corners = [(box.x1, box.y1), (box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2)]
    return " ".join(f"{x:.4f},{y:.4f}" for x, y in points or corners)


def _title(label: str, score: float | None, origin: str) -> str:
    words = [label or "no label", Origin(origin).label.lower(), None if score is None else f"score {score:.2f}"]
    return ", ".join(word for word in words if word)
