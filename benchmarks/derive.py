"""Small pictures and fingerprints: beside bare Pillow, and a million fingerprints beside a primary key."""

from __future__ import annotations

import io
import json
import random
import statistics
import time

import psycopg2  # type: ignore[import-untyped]
from PIL import Image

from benchmarks.rig import Caller, Service, latency, manage, show, verdict
from curation.imaging.dhash import dhash
from curation.imaging.thumbnail import QUALITY, SIDES

PICTURES, ROUNDS = 60, 3
SIZE = (1280, 720)
FINGERPRINTS, LOOKUPS = 1_000_000, 300
BY_KEY = "SELECT band0, band1, band2, band3 FROM fingerprints WHERE media_id = %s"
BY_BANDS = "SELECT media_id, dhash256 FROM fingerprints WHERE band0 = %s OR band1 = %s OR band2 = %s OR band3 = %s"
FILL = """
INSERT INTO fingerprints (media_id, media_sha256, dhash64, band0, band1, band2, band3, dhash256)
SELECT n, '', 0, floor(random() * 65536), floor(random() * 65536), floor(random() * 65536), floor(random() * 65536),
  decode(md5(n::text) || md5((-n)::text), 'hex')
FROM generate_series(%s, %s) AS n
"""


def landscape(seed: int) -> bytes:
    """A JPEG as a mast sends it: sky, hills, grain; about 170 kB."""
    draw = random.Random(seed)  # a drawing
    sky = Image.linear_gradient("L").resize(SIZE)
    hills = Image.effect_noise((24, 14), 90).resize(SIZE, Image.Resampling.BICUBIC)
    grain = Image.effect_noise(SIZE, draw.randint(12, 18))
    grey = Image.blend(Image.blend(sky, hills, 0.4), grain, 0.35)
    colours = [grey.point([min(255, value * draw.randint(80, 110) // 100) for value in range(256)]) for _ in range(3)]
    out = io.BytesIO()
    Image.merge("RGB", colours).save(out, "JPEG", quality=85)
    return out.getvalue()


def run(running: Service) -> None:
    pictures = [landscape(seed) for seed in range(PICTURES)]
    caller = Caller(running)
    for picture in pictures:
        media = caller.post("/media", {"type": "image"})["id"]
        caller.upload(f"/media/{media}/upload", file=picture)
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(PICTURES / _bare(pictures))
        ours.append(_derived(running))
    raw, rate = statistics.median(bare), statistics.median(ours)
    show("bare Pillow, one process", f"{raw:8.1f}/s")
    show("derive, one process and its child", f"{rate:8.1f}/s", verdict(rate / raw, 0.7, at_least=True))
    candidates(running)


def _bare(pictures: list[bytes]) -> float:
    """Seconds for decoding all of them, two WebP and two hashes each, with nothing around it."""
    started = time.perf_counter()
    for content in pictures:
        with Image.open(io.BytesIO(content)) as image:
            image.thumbnail((SIDES["large"], SIDES["large"]), Image.Resampling.LANCZOS)
            small = image.copy()
            small.thumbnail((SIDES["small"], SIDES["small"]), Image.Resampling.LANCZOS)
            for made in (small, image):
                made.save(io.BytesIO(), "WEBP", quality=QUALITY)
            dhash(image, 8), dhash(image, 16)
    return time.perf_counter() - started


def _derived(running: Service) -> float:
    """Pictures per second by the command, its start left out: read, checked, decoded, stored, committed."""
    told = json.loads(manage(running.environment, "derive", "--all", "--json"))
    if told["failed"] or told["with_problems"]:
        raise RuntimeError(f"{told}")
    return float(told["derived"]) / float(told["seconds"])


def candidates(running: Service) -> None:
    """The fingerprints that share a band with one, beside reading one row by its primary key."""
    database = psycopg2.connect(running.environment["DATABASE_URL"])
    database.autocommit = True
    first = 10_000_000
    with database, database.cursor() as cursor:
        # The table with its indexes, and without its foreign key: of a million media only these rows matter here.
        cursor.execute("CREATE TABLE fingerprints (LIKE curation_fingerprint INCLUDING ALL)")
        cursor.execute(FILL, [first, first + FINGERPRINTS - 1])
        cursor.execute("ANALYZE fingerprints")
        ids = iter([first + random.randrange(FINGERPRINTS) for _ in range(2 * ROUNDS * (LOOKUPS + 1))])

        def by_key() -> tuple[int, ...]:
            cursor.execute(BY_KEY, [next(ids)])
            row: tuple[int, ...] = cursor.fetchone()
            return row

        def by_bands() -> None:
            cursor.execute(BY_BANDS, [random.randrange(65536) for _ in range(4)])
            cursor.fetchall()

        keys, bands = [], []
        for _ in range(ROUNDS):
            keys.append(latency(by_key, LOOKUPS))
            bands.append(latency(by_bands, LOOKUPS))
    database.close()
    key, band = statistics.median(keys), statistics.median(bands)
    show(
        "candidates among 1,000,000 (by primary key)",
        f"{band * 1000:.2f} ms ({key * 1000:.2f} ms)",
        verdict(band / key, 10.0, at_least=False),
    )
