"""Media with fingerprints as a test wishes them, and what a search made of them."""

from __future__ import annotations

from typing import Any

from curation.actions.duplicates import due
from curation.actions.duplicates.searching import search
from curation.models import Cluster, ClusterItem, Fingerprint, Media
from curation.tests.deeds import NOBODY
from curation.tests.places import resolved, taken

BITS = (1 << 256) - 1


def flipped(fingerprint: int, *places: int) -> int:
    """The fingerprint with these bits the other way round; 0 is the last one."""
    for place in places:
        fingerprint ^= 1 << place
    return fingerprint


def differing(bits: int, fingerprint: int = 0, *, first: int = 0) -> int:
    """The fingerprint with so many bits in a row the other way round."""
    return flipped(fingerprint, *range(first, first + bits))


def seen(fingerprint: int, *, short: int = 0, sha256: str = "", minutes: float | None = None, **columns: Any) -> Media:
    """A media with a fingerprint of 256 bits, and one of 64; taken by the camera brison where minutes are told."""
    if minutes is None:
        media = Media.objects.create(**columns)
    else:
        [media] = resolved(taken(minutes, **columns))
    print_of(media, fingerprint, short=short, sha256=sha256)
    return media


def print_of(media: Media, fingerprint: int, *, short: int = 0, sha256: str = "") -> None:
    """Let the media look so; and, where a digest is told, have a file as far as rows tell."""
    digest = sha256 or f"{media.pk:064x}"
    if sha256:
        Media.objects.filter(pk=media.pk).update(file=f"media/{digest}.jpg", sha256=digest, size=1)
    bands = {f"band{n}": short >> 48 - 16 * n & 0xFFFF for n in range(4)}
    signed = short - (1 << 64) if short >> 63 else short
    Fingerprint.objects.create(
        media=media, media_sha256=digest, dhash64=signed, dhash256=fingerprint.to_bytes(32), **bands
    )
    due.ask([media.pk])


def found(*, everywhere: bool = True) -> dict[str, Any]:
    """Search here; return the report."""
    return dict(search(is_global=everywhere, by=NOBODY).report)


def clusters() -> set[tuple[int, ...]]:
    """The media of each cluster."""
    by_cluster: dict[int, list[int]] = {}
    for item in ClusterItem.objects.order_by("media"):
        by_cluster.setdefault(item.cluster_id, []).append(item.media_id)
    return {tuple(ids) for ids in by_cluster.values()}


def clustered(count: int = 2, *, looks: int = 0, **columns: Any) -> Cluster:
    """A cluster of so many media, as a search leaves it, but without fingerprints."""
    cluster = Cluster.objects.create(centre=looks.to_bytes(32), size=count)
    for _ in range(count):
        media = Media.objects.create(**columns)
        ClusterItem.objects.create(cluster=cluster, media=media, media_sha256=f"{media.pk:064x}", distance=0)
    return cluster


def of(*media: Media) -> tuple[int, ...]:
    return tuple(sorted(row.pk for row in media))
