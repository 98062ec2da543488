"""What single files of labels say that were uploaded for one picture: found out afterwards, by a job.

The file stays as it came; what it says becomes the next revision of the same annotation, with the same bytes. A class
is a label when a mapping called `uploads` says so, or, without one, when it is the code of a label; all others are
kept without a label and listed. Whose layer it is, and that it is no truth, stays as it was.
"""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from threading import Lock
from typing import Any

from django.db import IntegrityError, transaction

from accounts.actor import Actor
from accounts.names import fold
from accounts.refusals import Conflict, NotFound
from curation.actions.annotations import append_file, file_of
from curation.actions.fetching import fetched, in_turn
from curation.actions.meaning.asked import Asked
from curation.actions.meaning.files import Files, Unreadable, meanings
from curation.actions.meaning.meant import Meant
from curation.actions.meaning.rules import Rules, of_mapping
from curation.actions.meaning.writing import Original, report_of
from curation.actions.regions import Said
from curation.actions.trying import Failures, try_each
from curation.actions.working import Work
from curation.formats.parser import Parser
from curation.formats.regions import PictureRef, PictureSize, from_json
from curation.models import Annotation, Label, Mapping, Media
from curation.models.label import LIST
from curation.storage.spool import Spooled

log = logging.getLogger(__name__)

UPLOADS = "uploads"  # name of the mapping
UNKNOWN = "unknown"  # format of a file that is none we read
SEVERAL = "The file is about {} pictures, and none of them is this one. Import it with import_annotations."
State = Annotation.State
PARSER, READING = Parser(), Lock()  # one file at a time for each process; its child lasts for many
atexit.register(PARSER.close)


Progress = Callable[[str, int], None]


def read(work: Work) -> None:
    """The job: payload {"annotation": id, "sha256": of the bytes}. Others meanwhile: nothing is left to do.

    Raises Busy, Full, Missing.
    """
    rows = unread().filter(pk=work.payload["annotation"], sha256=work.payload["sha256"])
    annotation = rows.select_related("current", "media").first()
    work.progress(0, 1)
    if annotation is not None:
        with READING:
            read_now(annotation, Files(PARSER), rules_of_uploads(), by=Actor(access=None, door="job"))
    work.progress(1)


def unread() -> Any:
    """Annotations whose file was kept and not looked into."""
    return Annotation.objects.living().filter(state=State.STORED, current__isnull=False).exclude(format=UNKNOWN)


def rules_of_uploads() -> Rules:
    """The newest mapping called `uploads`; without one, a class that is the code of a living label is that label."""
    mapping = Mapping.objects.filter(name=UPLOADS).order_by("-version").first()
    if mapping is not None:
        return of_mapping(mapping)
    codes = Label.objects.filter(retired_at=None).values_list("code", flat=True)
    return Rules({code: code for code in codes}, LIST)


def read_now(annotation: Annotation, files: Files, rules: Rules, *, by: Actor) -> str:
    """Do it here; return the state that the annotation has now. Raises Busy, Full, Missing."""
    with fetched(annotation) as spooled:
        try:
            original, meant = _look(annotation, spooled, files, rules, by)
        except Unreadable as refusal:
            return _nothing_read(annotation, refusal, by)
    said, state = None, State.PROBLEM
    report = report_of(original, meant, rules)
    if not meant.refusal:
        said = Said([from_json(region) for region in meant.regions], report)
        state = State.PARSED if meant.is_whole else State.PROBLEM
    file = file_of(annotation) | {"format": original.format}
    return _keep(annotation, by, file=file, said=said, state=state, report=report, note=f"read as {original.format}")


def _look(annotation: Annotation, spooled: Spooled, files: Files, rules: Rules, by: Actor) -> tuple[Original, Meant]:
    """What the file says of this picture. Raises Unreadable."""
    media = annotation.media
    size = PictureSize(media.width, media.height) if media.width and media.height else None
    names = {int(foreign): foreign for foreign in rules.rules if foreign.isascii() and foreign.isdecimal()}
    path = media.original_name or f"annotation {annotation.pk}"
    original, lines = files.read(path, spooled, Asked(by, rules), size=size, names=names or None, alive=_alive)
    with closing(lines):
        return original, _of_this(media, meanings(lines))


def _of_this(media: Media, several: Iterator[Meant]) -> Meant:
    """The one thing that is said, or what is said of the picture of this name or with these bytes."""
    first, count = None, 0
    for meant in several:
        first, count = first or meant, count + 1
        if meant.sha256 == media.sha256 != "" or (media.name_folded and fold(_name(meant)) == media.name_folded):
            return meant
    if first is None or count > 1:
        raise Unreadable(SEVERAL.format(count))
    return first


def _name(meant: Meant) -> str:
    return PictureRef(meant.path).name


def _alive() -> None:
    """One file is soon read."""


def _nothing_read(annotation: Annotation, refusal: Unreadable, by: Actor) -> str:
    """A file of none of our formats is kept as it is, and not looked into again; one of ours says why not."""
    if not refusal.is_other:
        report = {"refusal": str(refusal)}
        file = file_of(annotation)
        return _keep(annotation, by, file=file, said=None, state=State.PROBLEM, report=report, note="could not be read")
    Annotation.objects.as_seen(annotation.pk, annotation.version).update(format=UNKNOWN)
    return annotation.state


def _keep(annotation: Annotation, by: Actor, *, file: dict[str, Any], **told: Any) -> str:
    try:
        with transaction.atomic():
            append_file(annotation, file, by=by, action="annotation.read", **told)
    except (IntegrityError, Conflict, NotFound):  # another revision was faster, or the annotation is gone
        log.info("What was read of annotation %s came too late.", annotation.pk)
    return annotation.state


# --- Many, by command ------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally(Failures):
    """What a run did."""

    read: int = 0  # looked into
    understood: int = 0  # of these, wholly


def read_many(*, limit: int | None = None, by: Actor, progress: Progress) -> Tally:
    """Look into all that was not looked into, in the order of the ids; a second run goes on."""
    tally, rules = Tally(), rules_of_uploads()

    def look(annotation: Annotation) -> None:
        tally.understood += read_now(annotation, Files(PARSER), rules, by=by) == State.PARSED
        tally.read += 1

    with READING:
        rows = in_turn(unread().select_related("current", "media"), limit)
        try_each(rows, look, tally, lambda: progress("annotations read", tally.read))
    return tally
