"""Pictures of a few cameras that drift, so that chains are longer than a cluster may be wide; the same every time."""

from __future__ import annotations

import random
from datetime import timedelta

from curation.actions.duplicates import due
from curation.models import Camera, ClusterItem, Fingerprint, Media, View
from curation.tests.places import NOON


def hills(views: int = 3, pictures: int = 40) -> None:
    draw = random.Random(5)
    for number in range(views):
        view = View.objects.create(camera=Camera.objects.create(name=f"hill {number}"))
        long, short = draw.getrandbits(256), draw.getrandbits(64)
        for minute in range(pictures):
            for _ in range(draw.choice((0, 1, 5, 9))):
                long ^= 1 << draw.randrange(256)
            at = NOON + timedelta(minutes=9 * minute)
            media = Media.objects.create(view=view, taken_by_id=view.camera_id, captured_at=at, captured_basis="client")
            looks(media, short ^ 1 << draw.randrange(64), long)


def looks(media: Media, short: int, long: int) -> None:
    bands = {f"band{n}": short >> 48 - 16 * n & 0xFFFF for n in range(4)}
    digest = f"{media.pk:064x}"
    Fingerprint.objects.create(media=media, media_sha256=digest, dhash64=0, dhash256=long.to_bytes(32), **bands)
    due.ask([media.pk])


def partition() -> set[tuple[tuple[int, int], ...]]:
    """Media and distances of each cluster, numbered from the first media on, so that installations compare."""
    first = min(Media.objects.values_list("pk", flat=True), default=0)
    by_cluster: dict[int, list[tuple[int, int]]] = {}
    for item in ClusterItem.objects.order_by("media"):
        by_cluster.setdefault(item.cluster_id, []).append((item.media_id - first, item.distance))
    return {tuple(items) for items in by_cluster.values()}
