"""Pictures and videos: announced ones, stored ones, and those whose object is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from django.conf import settings

from accounts.actions.audit import record_all
from accounts.actor import Actor
from curation.actions.adopting.contents import ANY_SIZE, Look, Looker
from curation.actions.adopting.files import (
    File,
    check_id,
    check_size,
    created_at,
    enter_into_ledger,
    file_of,
    usable_key,
)
from curation.actions.adopting.findings import Code, Notes, harmless
from curation.actions.adopting.source import OldMedia, Source
from curation.actions.adopting.step import Judged
from curation.actions.content import limit_of
from curation.imaging.sniff import Content
from curation.models import Media

MEASURES = ("width", "height", "orientation", "duration")


@dataclass(slots=True)
class MediaStep:
    source: Source
    looker: Looker[Content]
    zone: tzinfo
    by: Actor
    table: str = "media"
    left_out: set[int] = field(default_factory=set)

    def rows(self) -> Iterator[OldMedia]:
        return self.source.media()

    def known(self, ids: list[int]) -> set[int]:
        return set(Media.objects.filter(pk__in=ids).values_list("pk", flat=True))

    def judge(self, olds: list[OldMedia], *, read: bool) -> list[Judged[Media]]:
        # What a row does not say of its type, only the content tells.
        untold = {usable_key(old) for old in olds if old.type not in Media.Type.values}
        keys = {usable_key(old) for old in olds} - {""}
        looks = self.looker.look(keys, read=lambda key: read or key in untold)
        return [self._judge(old, looks) for old in olds]

    def _judge(self, old: OldMedia, looks: dict[str, Look[Content]]) -> Judged[Media]:
        notes = Notes(self.table, old.id or 0, old.key or "")
        created = created_at(old, self.zone, notes)
        file = file_of(old, looks, notes)
        type = _type(old.type, file, notes)
        if not check_id(old.id, notes) or not type:
            return Judged(None, notes)
        if file:
            _check_limits(file, type, notes)
        columns = {"file": file.key, **file.columns, **_measures(file)} if file else {}
        return Judged(Media(pk=old.id, type=type, created_at=created, **columns), notes, file)

    def write(self, judged: list[Judged[Media]]) -> None:
        media = [one.row for one in judged if one.row is not None]
        enter_into_ledger([file for one in judged for file in one.objects])
        Media.objects.bulk_create(media)
        after = {row.pk: {"type": row.type, "file": row.file.name, "sha256": row.sha256} for row in media}
        record_all("media.adopt", "media", after, by=self.by)


def _type(declared: str | None, file: File[Content] | None, notes: Notes) -> str:
    """The type as declared, or that of the content where none is; "" when nothing tells it."""
    content = file.look.content if file else None
    if declared in Media.Type.values:
        if content and content.kind != declared:
            notes.add(Code.TYPE_DIFFERS, f"It is declared as {declared}, and its file is {content.content_type}.")
        return declared or ""
    said = f"Its type {harmless(declared, 50)!r} is unknown" if declared else "It has no type"
    if content is None:
        notes.leave_out(Code.TYPE_UNKNOWN, f"{said}, and there is no content that tells it.")
        return ""
    notes.add(Code.TYPE_FROM_CONTENT, f"{said}; its content makes it {content.kind}.")
    return content.kind


def _check_limits(file: File[Content], type: str, notes: Notes) -> None:
    content = file.look.content
    if not check_size(file, limit_of(type), notes) or content is None or content.kind != "image":
        return
    sides = (content.width or 0, content.height or 0)
    if max(sides) > settings.IMAGE_MAX_SIDE or sides[0] * sides[1] > settings.IMAGE_MAX_PIXELS:
        notes.add(Code.TOO_LARGE, f"The picture measures {sides[0]} x {sides[1]} pixels, beyond the limits of today.")


def _measures(file: File[Content]) -> dict[str, Any]:
    """What the content says of itself, where the columns can hold it."""
    found = {name: getattr(file.look.content, name, None) for name in MEASURES}
    return {name: value for name, value in found.items() if value is not None and value <= ANY_SIZE}
