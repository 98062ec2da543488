"""Find a row for somebody: who cannot see everything learns nothing about ids that are not theirs."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import QuerySet

from accounts.ids import LARGEST_ID
from accounts.models import Access
from accounts.prepared import Prepared
from accounts.refusals import NotFound, NotYours
from accounts.scopes import Scope, Sees
from curation.models import Annotation, Camera, Cluster, Collection, ImportRun, Job, Media, Sequence, Upload, View

Row = TypeVar("Row", Media, Annotation)
Place = TypeVar("Place", Camera, View, Sequence, Collection)
_UPLOAD = Prepared(
    lambda upload_id, owner_id: Upload.objects.filter(pk=upload_id, owner=owner_id), upload_id=int, owner_id=int
)
_LIVING_MEDIA = Prepared(lambda media_id: Media.objects.living().filter(pk=media_id), media_id=int)


def media(media_id: int, *, access: Access) -> Media:
    """The media, or NotFound (404) for who sees everything and NotYours (403) for everybody else."""
    row = _seen(Media, media_id, access)
    if row is None:
        raise _hidden("media", media_id, access)
    return row


def annotation(annotation_id: int, *, access: Access) -> Annotation:
    row = _seen(Annotation, annotation_id, access)
    if row is None:
        raise _hidden("annotations", annotation_id, access)
    return row


def job(job_id: int, *, access: Access) -> Job:
    row = Job.objects.visible_to(access).filter(pk=min(job_id, LARGEST_ID)).first()
    if row is None:
        raise _hidden("jobs", job_id, access)
    return row


def _seen(kind: type[Row], row_id: int, access: Access) -> Row | None:
    """The row through `visible_to`, by SQL that is made once for each way of seeing."""
    if access.sees == Sees.LISTED or row_id > LARGEST_ID:
        return kind.objects.visible_to(access).filter(pk=min(row_id, LARGEST_ID)).first()
    return _query(kind, access.sees).first(row_id=row_id, owner_id=access.pk)


@cache
def _query(kind: type[Row], sees: str) -> Prepared[Row]:
    def build(row_id: int, owner_id: int) -> QuerySet[Row]:
        return kind.objects.visible_to(Access(pk=owner_id, sees=sees)).filter(pk=row_id)

    return Prepared(build, row_id=int, owner_id=int)


def newest(kind: type[Media] | type[Annotation], columns: tuple[str, ...], *, access: Access) -> list[dict[str, Any]]:
    """What most lists ask for: the newest PAGE_SIZE rows that the access may see, and one more, as `values()`."""
    if access.sees == Sees.LISTED:
        return list(_newest(kind.objects.visible_to(access), columns))
    return _newest_query(kind, columns, access.sees).values(owner_id=access.pk)


@cache
def _newest_query(kind: type[Media] | type[Annotation], columns: tuple[str, ...], sees: str) -> Prepared[Any]:
    def build(owner_id: int) -> Any:
        return _newest(kind.objects.visible_to(Access(pk=owner_id, sees=sees)), columns)

    return Prepared(build, owner_id=int)


def _newest(rows: Any, columns: tuple[str, ...]) -> Any:
    return rows.order_by("-id").values(*columns)[: settings.PAGE_SIZE + 1]


def _hidden(table: str, row_id: int, access: Access) -> Exception:
    return NotFound(table, row_id) if access.sees == Sees.ALL else NotYours()


def upload(upload_id: int, *, access: Access) -> Upload:
    """An upload of the access's own; whoever sees every media has no more to do with those of others."""
    row = None if upload_id > LARGEST_ID else _UPLOAD.first(upload_id=upload_id, owner_id=access.pk)
    if row is None:
        raise _hidden("uploads", upload_id, access)
    return row


def import_run(run_id: int, *, access: Access) -> ImportRun:
    found = ImportRun.objects.visible_to(access).filter(pk=min(run_id, LARGEST_ID)).first()
    if found is None or found.pk != run_id:
        raise _hidden("imports", run_id, access)
    return found


def cluster(cluster_id: int, *, access: Access) -> Cluster:
    """A cluster of which the access sees two media at least."""
    found = Cluster.objects.visible_to(access).filter(pk=min(cluster_id, LARGEST_ID)).first()
    if found is None or found.pk != cluster_id:
        raise _hidden("clusters", cluster_id, access)
    return found


def place(kind: type[Place], row_id: int, *, access: Access) -> Place:
    """A camera, view, sequence or collection of the organisations of the access."""
    rows: Any = kind._default_manager
    found: Place | None = rows.visible_to(access).filter(pk=min(row_id, LARGEST_ID)).first()
    if found is None or found.pk != row_id:
        raise _hidden(str(kind._meta.verbose_name_plural), row_id, access)
    return found


def changeable(row: Media | Annotation | Cluster, *, access: Access) -> None:
    """Refuse to change what the access may see but does not own. Raises NotYours."""
    if not row.may_be_changed_by(access):
        raise NotYours


def media_to_annotate(media_id: int, *, access: Access) -> Media:
    """Users annotate any media, whoever sent it, as they did with the original; devices only their own."""
    if access.scope != Scope.USER:
        row = media(media_id, access=access)
        changeable(row, access=access)
        return row
    found = _LIVING_MEDIA.first(media_id=min(media_id, LARGEST_ID))
    if found is None:
        raise NotFound("media", media_id)
    return found
