"""ETag and If-Match, from the version of a row."""

from __future__ import annotations

from rest_framework.request import Request

from accounts.refusals import Stale
from curation.models import Annotation, Camera, Cluster, Collection, Media, Sequence, View


def etag(version: int) -> str:
    return f'"{version}"'


def if_match(request: Request, row: Media | Annotation | Camera | View | Sequence | Cluster | Collection) -> None:
    """Refuse when the caller decided on another version than the present one. Raises Stale."""
    asked = request.headers.get("If-Match")
    if asked is None:
        return
    if asked.strip() != "*" and etag(row.version) not in [part.strip() for part in asked.split(",")]:
        raise Stale("The row changed since you looked at it; look again.")
