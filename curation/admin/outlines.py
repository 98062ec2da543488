"""Regions drawn over a picture: shapes in fractions of the upright picture, as browsers and small pictures show it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.http import HttpRequest

from accounts.admin.base import asking
from curation.formats.regions import Region as Said
from curation.models import Annotation, Media, Origin, Region

DRAWN = 200  # regions of one picture: more would hide it


class Outline(NamedTuple):
    """points: of an SVG polygon, "x,y x,y ...", 0 to 1. title: what is told of it where it is pointed at."""

    points: str
    origin: str
    title: str


def of_said(annotation: Annotation, regions: Iterable[Said]) -> list[Outline]:
    """What a layer says of its picture; what it says of frames of a video is not drawn."""
    still = [region for region in regions if region.frame is None]
    return [_outline(region, region.label, annotation.origin) for region in still[:DRAWN]]


def of_media(media: Media, request: HttpRequest) -> list[Outline]:
    """What all layers of a picture say that the access may see, in one query."""
    rows = Region.objects.visible_to(asking(request)).filter(media=media, frame=None).select_related("label")
    return [_outline(row, row.label.code if row.label else "", row.origin) for row in rows.order_by("pk")[:DRAWN]]


def _outline(region: Said | Region, label: str, origin: str) -> Outline:
    x1, y1, x2, y2 = region.x1, region.y1, region.x2, region.y2
    points = region.points or ((x1, y1), (x2, y1), (x2, y2), (x1, y2))
    score = None if region.score is None else f"score {region.score:.2f}"
    words = [label or "no label", Origin(origin).label.lower(), score]
    title = ", ".join(word for word in words if word)
    return Outline(" ".join(f"{x:.4f},{y:.4f}" for x, y in points), origin, title)
