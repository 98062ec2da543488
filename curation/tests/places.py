"""Media that say where they come from, for the tests of cameras and sequences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from curation.actions import places
from curation.models import Media, SequenceItem
from curation.tests.deeds import NOBODY

NOON = datetime(2024, 3, 6, 12, tzinfo=UTC)


def taken(minutes: float | None = 0, **columns: Any) -> Media:
    """A media row without a file, taken so many minutes after noon by the camera brison unless told otherwise."""
    known = {} if minutes is None else {"captured_at": NOON + timedelta(minutes=minutes), "captured_basis": "client"}
    told = {"source": "sdis-07", "camera": "brison", "azimuth": 110} | known | columns
    media: Media = Media.objects.create(**told)
    return media


def resolved(*rows: Media) -> list[Media]:
    """The same rows after their places were found."""
    places.resolve([row.pk for row in rows], by=NOBODY)
    for row in rows:
        row.refresh_from_db()
    return list(rows)


def partition() -> set[tuple[int, ...]]:
    """The media of each sequence, in its order."""
    found: dict[int, list[int]] = {}
    for item in SequenceItem.objects.order_by("position", "media__name_folded", "media"):
        found.setdefault(item.sequence_id, []).append(item.media_id)
    return {tuple(ids) for ids in found.values()}
