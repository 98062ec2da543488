"""What is derived from a media's bytes comes and goes with them: asked for, kept, withdrawn, forgotten.

Light enough for the path of an upload; the work itself is `curation.actions.derive`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.actions.audit import record
from accounts.actor import Actor
from curation.actions import places, queue
from curation.actions.duplicates import due
from curation.actions.objects import Content, let_go
from curation.imaging.decoder import Found
from curation.models import Derived, Fingerprint, Media, MediaFact

FROM_FILE = (Media.Basis.EXIF_OFFSET, Media.Basis.EXIF_UTC_ASSUMED)
MEASURES = ("width", "height", "orientation", "duration")
CLOCKS_RUN_FAST = timedelta(days=1)
IN_THE_FUTURE = "The capture time in the EXIF block lies in the future."


class OtherBytes(Exception):
    """The media was deleted, or has other bytes by now: the result is stale."""


def ask(media: Media, *, by: Actor) -> None:
    """Within the transaction that gives `media` its bytes: have small pictures and facts made of them."""
    ask_all([media], by=by)


def ask_all(rows: Iterable[Media], *, by: Actor) -> None:
    """As `ask`, for many at once."""
    payloads = {f"{row.pk}:{row.sha256[:16]}": {"media": row.pk, "sha256": row.sha256} for row in rows}
    queue.put_many("derive", payloads, by=by)


def forget(media_ids: Collection[int]) -> None:
    """Within the transaction that takes their bytes away: nothing derived from these outlives them."""
    due.leave(media_ids)
    small_pictures = Derived.objects.filter(media__in=media_ids)
    let_go(list(small_pictures.values_list("file", flat=True)))
    for rows in (small_pictures, Fingerprint.objects.filter(media__in=media_ids)):
        rows.delete()
    MediaFact.objects.filter(media__in=media_ids).delete()


def withdrawn(media: Media) -> dict[str, Any]:
    """The columns that only the file said, emptied, for when another one takes its place."""
    columns: dict[str, Any] = {}
    if media.captured_basis in FROM_FILE:
        columns |= {"captured_at": None, "captured_basis": Media.Basis.NONE}
    fact = MediaFact.objects.filter(media=media).first()
    if fact and fact.latitude is not None and _position(fact) == _position(media):
        columns |= {"latitude": None, "longitude": None}
    return columns


def _position(row: Media | MediaFact) -> tuple[float | None, float | None]:
    return row.latitude, row.longitude


# --- Keeping what was found ------------------------------------------------------------------------


def keep(media_id: int, sha256: str, found: Found, contents: list[Content], *, by: Actor) -> None:
    """Within the commit of `contents` (one for each small picture): write what was found of the bytes `sha256`.

    Twice is as once. Raises OtherBytes when the media has others by now.
    """
    living = Media.objects.living().select_for_update(no_key=True)
    media = living.filter(pk=media_id, sha256=sha256).first()
    if media is None:
        raise OtherBytes
    _keep_small_pictures(media, found, contents)
    _keep_fingerprint(media, found)
    problems = list(found.problems)
    if found.taken_at and found.taken_at > timezone.now() + CLOCKS_RUN_FAST:
        problems.append(IN_THE_FUTURE)
    _keep_fact(media, found, problems)
    if columns := _learned(media, found, has_time=IN_THE_FUTURE not in problems):
        _fill_in(media, columns, by)


def _keep_small_pictures(media: Media, found: Found, contents: list[Content]) -> None:
    before = Derived.objects.filter(media=media)
    let_go(set(before.values_list("file", flat=True)) - {content.key for content in contents})
    before.exclude(kind__in=[small.kind for small in found.small_pictures]).delete()
    rows = [
        Derived(
            media=media,
            media_sha256=media.sha256,
            kind=small.kind,
            file=content.key,
            sha256=content.spooled.sha256,
            size=content.spooled.size,
            width=small.width,
            height=small.height,
        )
        for small, content in zip(found.small_pictures, contents, strict=True)
    ]
    updated = ["media_sha256", "file", "sha256", "size", "width", "height"]
    Derived.objects.bulk_create(rows, update_conflicts=True, unique_fields=["media", "kind"], update_fields=updated)


def _keep_fingerprint(media: Media, found: Found) -> None:
    before = Fingerprint.objects.filter(media=media).values_list("dhash256", flat=True).first()
    looks_the_same = before is not None and bytes(before) == found.dhash256
    if before is not None and not looks_the_same:
        due.leave([media.pk])
    if found.dhash64 is None or found.dhash256 is None:
        Fingerprint.objects.filter(media=media).delete()
        return
    bands = {f"band{n}": found.dhash64 >> 48 - 16 * n & 0xFFFF for n in range(4)}
    signed = found.dhash64 - (1 << 64) if found.dhash64 >> 63 else found.dhash64
    columns = {"media_sha256": media.sha256, "dhash64": signed, "dhash256": found.dhash256, **bands}
    _upsert(Fingerprint(media=media, **columns), list(columns))
    if not looks_the_same:
        due.ask([media.pk])


def _keep_fact(media: Media, found: Found, problems: list[str]) -> None:
    columns = {
        "media_sha256": media.sha256,
        "camera_model": found.camera_model,
        "fps": found.fps,
        "codec": found.codec,
        "frames": found.frames,
        "latitude": found.latitude,
        "longitude": found.longitude,
        "problems": problems,
        "lacked_tools": found.lacked_tools,
    }
    _upsert(MediaFact(media=media, **columns), [*columns, "derived_at"])


def _upsert(row: Fingerprint | MediaFact, columns: list[str]) -> None:
    """Write the one row of a media, in one statement."""
    rows: Any = type(row)._default_manager
    rows.bulk_create([row], update_conflicts=True, unique_fields=["media"], update_fields=columns)


def _learned(media: Media, found: Found, *, has_time: bool) -> dict[str, Any]:
    """Columns of the media that were unknown, or that the file itself said before."""
    columns = {name: getattr(found, name) for name in MEASURES if getattr(media, name) is None}
    if has_time and found.taken_at and media.captured_basis in (Media.Basis.NONE, *FROM_FILE):
        basis = Media.Basis.EXIF_OFFSET if found.has_offset else Media.Basis.EXIF_UTC_ASSUMED
        columns |= {"captured_at": found.taken_at, "captured_basis": basis}
    if media.latitude is None and media.longitude is None:
        columns |= {"latitude": found.latitude, "longitude": found.longitude}
    return {name: value for name, value in columns.items() if value is not None and value != getattr(media, name)}


def _fill_in(media: Media, columns: dict[str, Any], by: Actor) -> None:
    """People see these, so the version counts on, and the history says where they come from."""
    before = {name: _plain(getattr(media, name)) for name in columns}
    changed = columns | {"version": media.version + 1, "updated_at": timezone.now()}
    Media.objects.filter(pk=media.pk).update(**changed)
    record("media.derive", media, by=by, before=before, after={name: _plain(value) for name, value in columns.items()})
    if media.camera or "latitude" in columns or media.latitude is not None:
        places.ask_again(media, columns, version=changed["version"], by=by)


def _plain(value: Any) -> Any:
    """A value as the audit keeps it."""
    return value if isinstance(value, (int, float, str, type(None))) else str(value)
