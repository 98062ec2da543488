"""A picture and its annotation in one call: both, or nothing."""

from collections.abc import Callable

from accounts.actions.audit import together
from accounts.actions.rights import recheck
from accounts.actor import Actor
from curation.actions import annotations, media
from curation.actions.commit import commit
from curation.actions.content import annotation as identify_annotation
from curation.actions.content import picture_or_video
from curation.actions.objects import Content
from curation.actions.queue import gathered
from curation.models import Annotation, Media
from curation.storage.spool import Spooled

Entry = tuple[Media, Annotation]


def create(
    picture: Spooled,
    label: Spooled,
    *,
    type: str,
    name: str,
    by: Actor,
    keep: Callable[[Entry], None],
) -> Entry:
    """Store both files and create both rows in one transaction.

    Raises NotSupported, TooLarge, Busy, Full; then neither exists.
    """
    identified, text = picture_or_video(picture, media_type=type), identify_annotation(label)
    columns = media.file_columns(identified, picture, name)
    contents = (Content(columns["file"], picture, identified.content_type), annotations.content_of(text, label))

    def rows() -> Entry:
        recheck(by)
        with together(), gathered():
            picture_row = media.new(type=type, by=by, **columns)
            layer = annotations.new(picture_row, by=by)
            annotations.append(layer, contents[1], text, by=by)
            annotations.ask_to_read(layer, by=by)
        keep((picture_row, layer))
        return picture_row, layer

    return commit(*contents, rows=rows)
