"""One layer as a file."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.actions.audit import record
from accounts.refusals import Conflict
from curation.actions import find
from curation.actions.exporting.asked import Asked
from curation.actions.exporting.naming import file_name
from curation.actions.meaning.outgoing import write
from curation.formats.refusals import CannotSay
from curation.models import Annotation


@dataclass(frozen=True)
class File:
    """told: what the history keeps of it."""

    name: str
    content: bytes
    content_type: str
    told: dict[str, Any]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def file_of(annotation: Annotation, asked: Asked) -> File:
    """The same bytes for the same revision, whoever asks. Raises Conflict when not all of it can be said.

    NotYours, NotFound for who does not see the media, whose name and digest go along.
    """
    if asked.by.access is not None:
        annotation.media = find.media(annotation.media_id, access=asked.by.access)
    out = io.BytesIO()
    try:
        [spoken] = write(out, [annotation], asked.format, asked.rules, asked.options)
    except CannotSay as error:
        raise Conflict(str(error)) from error
    written = {"written": len(spoken.regions), "renamed": spoken.renamed, "dropped": spoken.dropped}
    revision = annotation.current.number if annotation.current else None
    told = {"revision": revision, **asked.as_json, **written}
    return File(file_name(annotation.media, asked.format), out.getvalue(), _type(asked), told)


def _type(asked: Asked) -> str:
    kind = asked.format.content_type
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def note(annotation: Annotation, file: File, asked: Asked) -> None:
    """Say in the history of the layer that it went out, by which mapping, as which bytes."""
    with transaction.atomic():
        record("annotation.export", annotation, by=asked.by, after=file.told | {"sha256": file.sha256})
