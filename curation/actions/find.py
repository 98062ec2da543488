"""Find a row for somebody: who cannot see everything learns nothing about ids that are not theirs."""

from __future__ import annotations

from accounts.models import Access
from accounts.refusals import NotFound, NotYours
from accounts.scopes import Scope, Sees
from curation.models import Annotation, Media


def media(media_id: int, *, access: Access) -> Media:
    """The media, or NotFound (404) for who sees everything and NotYours (403) for everybody else."""
    row = Media.objects.visible_to(access).filter(pk=media_id).first()
    if row is None:
        raise _hidden("media", media_id, access)
    return row


def annotation(annotation_id: int, *, access: Access) -> Annotation:
    row = Annotation.objects.visible_to(access).select_related("current").filter(pk=annotation_id).first()
    if row is None:
        raise _hidden("annotations", annotation_id, access)
    return row


def _hidden(table: str, row_id: int, access: Access) -> Exception:
    return NotFound(table, row_id) if access.sees == Sees.ALL else NotYours()


def changeable(row: Media | Annotation, *, access: Access) -> None:
    """Refuse to change what the access may see but does not own. Raises NotYours."""
    if not row.may_be_changed_by(access):
        raise NotYours


def media_to_annotate(media_id: int, *, access: Access) -> Media:
    """Users annotate any media, whoever sent it, as they did with the original; devices only their own."""
    if access.scope != Scope.USER:
        row = media(media_id, access=access)
        changeable(row, access=access)
        return row
    found = Media.objects.living().filter(pk=media_id).first()
    if found is None:
        raise NotFound("media", media_id)
    return found
