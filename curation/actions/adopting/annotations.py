"""Annotations, each with the file that it has as its first revision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, Subquery

from accounts.actions.audit import record_all
from accounts.actor import Actor
from curation.actions.adopting.contents import Look, Looker
from curation.actions.adopting.files import (
    File,
    check_id,
    check_size,
    created_at,
    enter_into_ledger,
    file_of,
    usable_key,
)
from curation.actions.adopting.findings import Code, Notes
from curation.actions.adopting.source import OldAnnotation, Source
from curation.actions.adopting.step import Judged
from curation.imaging.text import TextContent
from curation.models import Annotation, AnnotationRevision, Origin

NOTE = "Taken over from pyro-storage 0.1, which did not write down by whom and when it was sent."


@dataclass(slots=True)
class AnnotationStep:
    """media_left_out: ids of the source's media that have no row here."""

    source: Source
    looker: Looker[TextContent]
    zone: tzinfo
    by: Actor
    media_left_out: set[int]
    table: str = "annotations"
    left_out: set[int] = field(default_factory=set)

    def rows(self) -> Iterator[OldAnnotation]:
        return self.source.annotations()

    def known(self, ids: list[int]) -> set[int]:
        return set(Annotation.objects.filter(pk__in=ids).values_list("pk", flat=True))

    def judge(self, olds: list[OldAnnotation], *, read: bool) -> list[Judged[Annotation]]:
        keys = {usable_key(old) for old in olds} - {""}
        looks = self.looker.look(keys, read=lambda key: read)
        return [self._judge(old, looks) for old in olds]

    def _judge(self, old: OldAnnotation, looks: dict[str, Look[TextContent]]) -> Judged[Annotation]:
        notes = Notes(self.table, old.id or 0, old.key or "")
        created = created_at(old, self.zone, notes)
        file = file_of(old, looks, notes)
        if not check_id(old.id, notes) or not self._has_media(old, notes) or old.media_id is None:
            return Judged(None, notes)
        if file:
            check_size(file, settings.ANNOTATION_MAX_BYTES, notes)
        columns = {"state": Annotation.State.STORED, **_columns(file)} if file else {}
        row = Annotation(pk=old.id, media_id=old.media_id, origin=Origin.IMPORTED, created_at=created, **columns)
        return Judged(row, notes, file)

    def _has_media(self, old: OldAnnotation, notes: Notes) -> bool:
        if old.media_id is None:
            notes.leave_out(Code.MEDIA_NOT_NAMED, "It does not say of which media it is.")
        elif old.media_found is None:
            notes.leave_out(Code.MEDIA_UNKNOWN, f"There is no media {old.media_id}.")
        elif old.media_id in self.media_left_out:
            notes.leave_out(Code.MEDIA_LEFT_OUT, f"Its media {old.media_id} is left out.")
        return not notes.left_out

    def write(self, judged: list[Judged[Annotation]]) -> None:
        annotations = [one.row for one in judged if one.row is not None]
        enter_into_ledger([file for one in judged for file in one.objects])
        Annotation.objects.bulk_create(annotations)
        AnnotationRevision.objects.bulk_create(
            AnnotationRevision(annotation=one.row, number=1, origin=Origin.IMPORTED, note=NOTE, **_columns(one.file))
            for one in judged
            if one.file and one.row is not None
        )
        first = AnnotationRevision.objects.filter(annotation=OuterRef("pk"), number=1).values("pk")
        Annotation.objects.filter(pk__in=[row.pk for row in annotations]).update(current=Subquery(first))
        record_all("annotation.adopt", "annotation", {row.pk: _after(row) for row in annotations}, by=self.by)


def _columns(file: File[TextContent]) -> dict[str, Any]:
    content = file.look.content
    return {"file": file.key, "format": content.format if content else "", **file.columns}


def _after(row: Annotation) -> dict[str, Any]:
    revision = {"revision": 1} if row.file else {}
    return {"media_id": row.media_id, "file": row.file.name, "sha256": row.sha256, **revision}
