"""Media that differ in everything that can be asked for."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from accounts.models import Access
from curation.models import Annotation, AnnotationRevision, Label, Media, Region
from curation.tests.labels import ship_labels
from curation.tests.places import NOON

LABELS = ("smoke", "wildfire", "antenna", "dark")
ORIGINS = ("prediction", "imported", "human")
SCORES = (None, None, 0.0, 0.25, 0.5, 0.75, 1.0)


def pictured(seed: int = 0, **columns: Any) -> Media:
    """A media row with a file of no bytes in the store."""
    digest = f"{seed:064x}"
    media: Media = Media.objects.create(
        **{"file": f"media/{digest[:32]}.jpg", "sha256": digest, "size": 1000 + seed, "name_folded": f"{seed}.jpg"}
        | columns
    )
    return media


def layer(media: Media, origin: str = "prediction", **columns: Any) -> Annotation:
    """An annotation row with a revision, and no object behind them."""
    row: Annotation = Annotation.objects.create(
        **{
            "media": media,
            "origin": origin,
            "is_truth": origin == "human",
            "file": f"annotations/{media.pk}",
            "sha256": "a" * 64,
            "size": 1,
            "state": "parsed",
        }
        | columns
    )
    revision = AnnotationRevision.objects.create(
        annotation=row, number=1, file=row.file, sha256=row.sha256, size=1, origin=row.origin, is_truth=row.is_truth
    )
    row.current = revision
    return row


def seen(media: Media, label: str = "smoke", score: float | None = None, *, of: Annotation | None = None) -> Region:
    """A region of a layer; of a new one of a model when none is given."""
    annotation = of or layer(media)
    assert annotation.current is not None
    region: Region = Region.objects.create(
        revision=annotation.current, annotation=annotation, media=media, label=Label.objects.get(code=label),
        origin=annotation.origin, is_truth=annotation.is_truth, score=None if annotation.is_truth else score,
        kind="box", x1=0.1, y1=0.1, x2=0.2, y2=0.2,
    )  # fmt: skip
    return region


def crowd(count: int, seed: int, *, owners: tuple[Access | None, ...] = (None,)) -> list[Media]:
    """Media with up to two layers of up to three regions each, drawn from few values so that searches meet."""
    ship_labels()
    random, rows = Random(seed), []
    for number in range(count):
        owner = random.choice(owners)
        known = {"captured_at": NOON + timedelta(hours=random.randrange(4)), "captured_basis": "client"}
        file = {} if random.random() < 0.8 else {"file": "", "sha256": "", "size": None}
        media = pictured(
            number,
            type=random.choice(["image", "image", "video"]),
            light=random.choice(["", "day", "night"]),
            owner=owner,
            organisation=owner and owner.organisation,
            **(known if random.random() < 0.8 else {}),
            **file,
        )
        rows.append(media)
        for origin in random.sample(ORIGINS, random.randrange(3)):
            one = layer(media, origin, state=random.choice(["parsed", "problem"]), owner=random.choice(owners))
            for _ in range(random.randrange(4)):
                seen(media, random.choice(LABELS), random.choice(SCORES), of=one)
    return rows
