"""Real pictures: what is known of their near-duplicates is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from curation.formats.names import read
from curation.imaging.dhash import dhash
from curation.models import ClusterItem, Fingerprint, Media
from curation.tests.duplicates.hills import looks
from curation.tests.duplicates.rows import found
from curation.tests.imaging_files import SAMPLES, samples
from curation.tests.places import resolved

pytestmark = [pytest.mark.django_db]
FIRES, LAYOUT = "A_roboflow_fire_v8_yolo", "I_derived_pyronear_layout"


def taken_in(paths: list[Path], hashes: dict[bytes, tuple[int, int]]) -> dict[str, Media]:
    """Media with the fingerprints of these pictures, by path. hashes: of pictures that were seen before."""
    rows = {}
    for path in paths:
        content = path.read_bytes()
        if content not in hashes:
            with Image.open(path) as image:
                grey = image.convert("L")
                hashes[content] = dhash(grey, 8), dhash(grey, 16)
        media = Media.objects.create(**said_by(path) if LAYOUT in str(path) else {})
        looks(media, *hashes[content])
        rows[str(path)] = media
    return rows


def said_by(path: Path) -> dict[str, Any]:
    named = read(path.name)
    columns = {"source": named.source, "camera": named.camera, "azimuth": named.azimuth}
    return columns | {"captured_at": named.captured_at, "captured_basis": Media.Basis.NAME_UTC_ASSUMED}


def cluster_of(media: Media) -> int | None:
    return ClusterItem.objects.filter(media=media).values_list("cluster", flat=True).first()


def distances() -> Iterator[int]:
    """Of every two media that one cluster holds."""
    prints = {row.media_id: int.from_bytes(bytes(row.dhash256)) for row in Fingerprint.objects.all()}
    by_cluster: dict[int, list[int]] = {}
    for item in ClusterItem.objects.all():
        by_cluster.setdefault(item.cluster_id, []).append(prints[item.media_id])
    for members in by_cluster.values():
        yield from ((one ^ other).bit_count() for one, other in combinations(members, 2))


def test_every_known_pair_is_found_and_none_differs_in_more_than_24_bits() -> None:
    hashes: dict[bytes, tuple[int, int]] = {}
    fires = taken_in(samples(FIRES, "*.jpg"), hashes)
    found()
    told = json.loads((SAMPLES / FIRES / "KNOWN_NEAR_DUPLICATES.json").read_text())["pairs"]
    assert sum(pair["cross_split"] for pair in told) == 9
    for pair in told:
        one, other = (cluster_of(fires[str(SAMPLES / FIRES / pair[side])]) for side in "ab")
        assert one is not None
        assert one == other, pair
    assert max(distances()) <= 24

    copies = taken_in(samples(LAYOUT, "*.jpg"), hashes)
    resolved(*copies.values())
    found(everywhere=False)
    assert max(distances()) <= 24
    found()
    by_bytes = {Path(path).read_bytes(): media for path, media in fires.items()}
    for path, media in copies.items():
        twin = by_bytes[Path(path).read_bytes()]
        assert cluster_of(media) == cluster_of(twin) is not None, path
    assert max(distances()) <= 24
