"""Pictures on our own pages: links of a few minutes, made without a query."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.admin.base import asking
from curation.actions import links
from curation.actions.links import HasFile, NoFile
from curation.models import Media

SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})  # what browsers draw; the rest is downloaded
PLAYED = frozenset({"video/mp4", "video/webm"})


@dataclass(frozen=True, slots=True)
class Picture:
    """What a page needs to show a file. `kind` is image, video, other, or none (nothing to show)."""

    address: str  # of its page
    title: str  # read aloud in the place of the picture
    kind: str
    link: str = ""
    width: int | None = None
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


def in_list(media: Media) -> Picture:
    """As one of many: its link is made of its key alone, without asking whether the object is there."""
    kind = kind_of(media)
    link = bare(media) if kind != "none" else ""
    return Picture(address_of(media), title_of(media), kind, link, media.width, media.height)


def at_large(media: Media) -> Picture:
    """As the subject of a page, with the reason when there is nothing to see."""
    kind, problem, link = kind_of(media), "", ""
    try:
        link = here(links.link(media, seconds=settings.PAGE_LINK_SECONDS))
    except NoFile:
        problem = "The object is recorded as missing from the store." if media.file else "Nothing was uploaded yet."
        kind = "none"
    return Picture(address_of(media), title_of(media), kind, link, media.width, media.height, problem)


def bare(row: HasFile) -> str:
    """A link to a row's file for this page."""
    key = row.file.name or ""
    return here(links.bare_link(key, name=links.download_name(row), seconds=settings.PAGE_LINK_SECONDS))


def address_of(media: Media) -> str:
    return reverse("admin:curation_media_change", args=[media.pk])


def newest(request: HttpRequest, count: int) -> list[Picture]:
    """The last ones that were announced and have a picture, as far as the access sees them."""
    rows = Media.objects.visible_to(asking(request)).stored().order_by("-id")[:count]
    return [in_list(media) for media in rows]
