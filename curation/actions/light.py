"""Say of media what light they were taken in: by when they were taken, and where they or their cameras stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accounts.actor import Actor
from curation.actions import queue
from curation.actions.working import Work
from curation.imaging import sun
from curation.models import Media

PAGE = 1000  # media that are looked at together
COLUMNS = (
    "pk", "captured_at", "latitude", "longitude", "view__camera__latitude", "view__camera__longitude", "light",
)  # fmt: skip


def keep(media_ids: Sequence[int]) -> None:
    """Write what follows from what is known of these media now: a query, and one for each light that changes."""
    changed: dict[str, list[int]] = {}
    for pk, *known, light in Media.objects.filter(pk__in=media_ids).values_list(*COLUMNS):
        if (now := _light(*known)) != light:
            changed.setdefault(now, []).append(pk)
    for now, ids in sorted(changed.items()):
        Media.objects.filter(pk__in=ids).update(light=now)


def _light(at: Any, *position: float | None) -> str:
    """position: latitude and longitude of the media, then of its camera."""
    own, of_camera = position[:2], position[2:]
    latitude, longitude = of_camera if None in own else own
    if at is None or latitude is None or longitude is None:
        return ""
    return sun.light(sun.elevation(at, latitude, longitude))


def ask(camera_id: int, *, version: int, by: Actor) -> None:
    """Within the transaction that moves a camera, to this version of it: have what follows from that made right."""
    queue.put("light", f"{camera_id}:{version}", {"camera": camera_id}, by=by)


def work(job: Work) -> None:
    """The job: payload {"camera": id}. Twice is as once."""
    of_camera = Media.objects.filter(view__camera=job.payload["camera"], captured_at__isnull=False).order_by("pk")
    done, looked_at = 0, 0
    while ids := list(of_camera.filter(pk__gt=done).values_list("pk", flat=True)[:PAGE]):
        keep(ids)
        done, looked_at = ids[-1], looked_at + len(ids)
        job.progress(looked_at)
