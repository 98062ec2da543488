"""Links to files, signed and short-lived, made without asking the store."""

from __future__ import annotations

from pathlib import PurePosixPath

from django.conf import settings

from accounts.models import Access
from accounts.prepared import Prepared
from accounts.refusals import Missing, NotYours, Refusal
from accounts.scopes import Sees
from curation.formats.table import FORMATS
from curation.models import Annotation, AnnotationRevision, Derived, Media, MediaFact, StoredObject
from curation.storage.keys import content_type_of
from curation.storage.stores import object_store

MISSING = Prepared(lambda key: StoredObject.objects.filter(key=key, state=StoredObject.State.MISSING), key=str)

HasFile = Media | Annotation | AnnotationRevision | Derived


NOT_YET = "No thumbnail has been made of this media yet; ask again later."
NONE_POSSIBLE = "No thumbnail could be made of this media's file."


class NoFile(Missing):
    """Nothing was uploaded, or the object is recorded as missing."""

    def __init__(self) -> None:
        super().__init__("File cannot be found on the bucket storage")


def link(row: HasFile, *, seconds: int | None = None) -> str:
    """A link to the row's file, valid for `seconds` (LINK_SECONDS by default). Raises NoFile.

    It answers from the rows alone, so it works, and is quick, while the store does not.
    """
    key = row.file.name
    if not key or MISSING.first(key=key):
        raise NoFile
    return bare_link(key, name=download_name(row), seconds=seconds or settings.LINK_SECONDS)


class OfMany(NotYours):
    """The file speaks of pictures that the access may not know of."""

    def __init__(self) -> None:
        Refusal.__init__(self, "The file speaks of other pictures too. What it says of this one are its regions.")


def may_have_file(row: Annotation | AnnotationRevision, access: Access) -> bool:
    """A file about many pictures is for who sent it, and for who sees everything."""
    is_of_many = row.format in FORMATS and FORMATS[row.format].many
    owner = row.owner_id if isinstance(row, Annotation) else row.author_id
    return not is_of_many or access.sees == Sees.ALL or owner == access.pk


def of_annotation(annotation: Annotation, *, access: Access) -> str:
    """A link to the file of an annotation that the access may see. Raises NoFile, OfMany."""
    if not may_have_file(annotation, access):
        raise OfMany
    return link(annotation)


class NoThumbnail(Missing):
    """None was made yet, or none could be made; the sentence says which."""


def thumbnail(media: Media, size: str) -> str:
    """A link to the small or large thumbnail of a media. Raises NoFile when nothing was uploaded, NoThumbnail."""
    if not media.file:
        raise NoFile
    made = Derived.objects.filter(media=media, kind=size, media_sha256=media.sha256).first()
    if made is not None:
        return link(made)
    ended = MediaFact.objects.filter(media=media, media_sha256=media.sha256).exists()
    raise NoThumbnail(NONE_POSSIBLE if ended else NOT_YET)


def bare_link(key: str, *, name: str, seconds: int) -> str:
    """A link to an object by its key, without a look at any row."""
    url: str = object_store().link(key, seconds=seconds, name=name, content_type=content_type_of(key))
    return url


def download_name(row: HasFile) -> str:
    """What the file is called when a person saves it: as it was sent, or after its row."""
    if isinstance(row, Derived):
        return f"media-{row.media_id}-{row.kind}.webp"
    suffix = PurePosixPath(row.file.name or "").suffix
    given = getattr(row, "original_name", "")
    if given.lower().endswith(suffix.lower()) and given != suffix:
        return str(given)
    return f"{row._meta.model_name}-{row.pk}{suffix}"
