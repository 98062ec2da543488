"""Pictures on our own pages: links of a few minutes, made without a query."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts.admin.base import asking
from curation.actions import links
from curation.actions.links import HasFile, NoFile
from curation.models import Derived, Media

SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})  # what browsers draw; the rest is downloaded
PLAYED = frozenset({"video/mp4", "video/webm"})


@dataclass(frozen=True, slots=True)
class Picture:
    """What a page needs to show a file. `kind` is image, video, other, or none (nothing to show)."""

    address: str  # of its page
    title: str  # read aloud in the place of the picture
    kind: str
    link: str = ""  # to the file itself
    preview: str = ""  # link to a small picture of it; "" until one is made
    width: int | None = None  # of the preview; of the file where there is none
    height: int | None = None
    problem: str = ""


def here(link: str) -> str:
    """A link to our own folder without the host: the page may be open under another name of it."""
    return link.removeprefix(settings.PUBLIC_URL) if link.startswith(f"{settings.PUBLIC_URL}/files/") else link


def title_of(media: Media) -> str:
    words = [f"{media.type} {media.pk}", media.camera and f"camera {media.camera}", media.original_name]
    return ", ".join(word for word in words if word)


def kind_of(media: Media) -> str:
    if not media.file:
        return "none"
    return "image" if media.content_type in SHOWN else "video" if media.content_type in PLAYED else "other"


def with_previews(rows: QuerySet[Media]) -> QuerySet[Media]:
    """The same rows with their small pictures at hand, in one more query however many rows there are."""
    return rows.prefetch_related("derived")


def in_list(media: Media) -> Picture:
    """As one of many, `with_previews`: links are made of keys alone, without asking whether the objects are there."""
    return _picture(media, kind_of(media), Derived.Kind.SMALL)


def at_large(media: Media) -> Picture:
    """As the subject of a page, with the reason when there is nothing to see."""
    try:
        link = here(links.link(media, seconds=settings.PAGE_LINK_SECONDS))
    except NoFile:
        problem = "The object is recorded as missing from the store." if media.file else "Nothing was uploaded yet."
        return Picture(address_of(media), title_of(media), "none", problem=problem)
    return _picture(media, kind_of(media), Derived.Kind.LARGE, link)


def _picture(media: Media, kind: str, size: str, link: str = "") -> Picture:
    fitting = (row for row in media.derived.all() if row.kind == size and row.media_sha256 == media.sha256)
    made = next(fitting, None)
    shown = made or media
    preview = bare(made) if made else ""
    return Picture(address_of(media), title_of(media), kind, link, preview, shown.width, shown.height)


def bare(row: HasFile) -> str:
    """A link to a row's file for this page."""
    key = row.file.name or ""
    return here(links.bare_link(key, name=links.download_name(row), seconds=settings.PAGE_LINK_SECONDS))


def address_of(media: Media) -> str:
    return reverse("admin:curation_media_change", args=[media.pk])


def newest(request: HttpRequest, count: int) -> list[Picture]:
    """The last ones that were announced and have a picture, as far as the access sees them."""
    rows = Media.objects.visible_to(asking(request)).stored().order_by("-id")
    return [in_list(media) for media in with_previews(rows)[:count]]
