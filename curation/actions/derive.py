"""Make small pictures, a fingerprint and facts out of a media's bytes, in a child that a hostile file may kill.

What stands in a file never refuses it: what could not be found out is a sentence in MediaFact.problems. Only when the
bytes themselves cannot be had (the store does not answer, the object is damaged) is the work left for another time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from django.conf import settings

from accounts.actor import Actor
from accounts.refusals import Busy
from curation.actions import derived
from curation.actions.commit import commit
from curation.actions.fetching import fetched, in_turn
from curation.actions.objects import Content
from curation.actions.trying import Failures, try_each
from curation.actions.working import Work
from curation.imaging import sniff, video
from curation.imaging.decoder import AtWork, Decoder, Found
from curation.models import Media
from curation.storage.keys import derived_key
from curation.storage.spool import Spooled, spool

DECODER = Decoder()

Progress = Callable[[str, int], None]


def no_progress(stage: str, count: int) -> None:
    """Nobody watches."""


def derive(work: Work) -> None:
    """The job: payload {"media": id, "sha256": of the bytes it is about}. Others meanwhile: nothing is left to do.

    Raises Busy, Full, Missing.
    """
    media = Media.objects.living().filter(pk=work.payload["media"], sha256=work.payload["sha256"]).first()
    work.progress(0, 1)
    if media is not None:
        derive_now(media, by=Actor(access=None, door="job"))
    work.progress(1)


def derive_now(media: Media, *, by: Actor) -> Found | None:
    """Do it here; None when the media was deleted or got other bytes meanwhile. Raises Busy, Full, Missing."""
    with fetched(media) as original, ExitStack() as stack:
        found = _look(original)
        smalls = [stack.enter_context(_spooled(small.content)) for small in found.small_pictures]
        contents = [Content(derived_key(small.sha256), small, "image/webp") for small in smalls]
        try:
            commit(*contents, rows=lambda: derived.keep(media.pk, media.sha256, found, contents, by=by))
        except derived.OtherBytes:
            return None
    return found


@contextmanager
def _spooled(content: bytes) -> Iterator[Spooled]:
    with spool([content], limit=len(content)) as spooled:
        yield spooled


def _look(original: Spooled) -> Found:
    limits = {"max_pixels": settings.IMAGE_MAX_PIXELS, "max_side": settings.IMAGE_MAX_SIDE}
    try:
        told = sniff.identify(original.file, **limits)
        if told.kind == "video":
            return DECODER.video(original.file, told.extension, video.tools())
        return DECODER.picture(original.file, **limits)
    except (sniff.Unreadable, sniff.TooManyPixels) as error:  # adopted, or from before a limit was lowered
        return Found(problems=(str(error),))
    except AtWork as error:
        raise Busy("The decoder is at work on other files; try again.") from error


# --- Many, by command ------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally(Failures):
    """What a run did."""

    derived: int = 0
    with_problems: int = 0  # of these
    stale: int = 0  # deleted or replaced meanwhile
    seconds: float = 0.0


def derive_many(*, missing: bool, limit: int | None = None, by: Actor, progress: Progress) -> Tally:
    """Derive media in the order of their ids; `missing`: only those that have not been, so a second run goes on."""
    tally, started = Tally(), time.monotonic()
    try_each(
        _walk(missing=missing, limit=limit),
        lambda media: _count(tally, derive_now(media, by=by)),
        tally,
        lambda: progress("media derived", tally.derived),
    )
    tally.seconds = round(time.monotonic() - started, 3)
    return tally


def _count(tally: Tally, found: Found | None) -> None:
    if found is None:
        tally.stale += 1
        return
    tally.derived += 1
    tally.with_problems += bool(found.problems)


def _walk(*, missing: bool, limit: int | None) -> Iterator[Media]:
    has_tools = video.tools() is not None
    rows = Media.objects.underived(has_tools=has_tools) if missing else Media.objects.living().stored()
    return in_turn(rows, limit)
