"""What uploaded bytes are, in the words of our refusals."""

from __future__ import annotations

from django.conf import settings

from accounts.refusals import NotSupported, TooLarge
from curation.imaging import sniff, text
from curation.models import Media
from curation.storage.spool import Arrived, Spooled, in_words


def limit_of(media_type: str) -> int:
    """Largest file of a media type, in bytes."""
    return int(settings.VIDEO_MAX_BYTES if media_type == Media.Type.VIDEO else settings.IMAGE_MAX_BYTES)


def picture_or_video(spooled: Spooled | Arrived, *, media_type: str) -> sniff.Content:
    """Identify the bytes by their content. Raises TooLarge (pixels, or bytes of an image), NotSupported."""
    _refuse_by_size(spooled, media_type)  # one-call entries are read before their type is known
    content = _identified(spooled)
    if content.kind != media_type:
        raise NotSupported(f"The media's type is {media_type}, but the file is {_article(content.kind)}.")
    return content


def either(spooled: Spooled) -> sniff.Content:
    """As picture_or_video, for bytes that promise neither."""
    content = _identified(spooled)
    _refuse_by_size(spooled, content.kind)
    return content


def _refuse_by_size(spooled: Spooled | Arrived, media_type: str) -> None:
    if spooled.size > limit_of(media_type):
        raise TooLarge(f"The file is larger than {in_words(limit_of(media_type))}.")


def _identified(spooled: Spooled | Arrived) -> sniff.Content:
    try:
        return sniff.identify(spooled.file, max_pixels=settings.IMAGE_MAX_PIXELS, max_side=settings.IMAGE_MAX_SIDE)
    except sniff.TooManyPixels as error:
        raise TooLarge(str(error)) from error
    except sniff.Unreadable as error:
        raise NotSupported(str(error)) from error


def _article(kind: str) -> str:
    return "an image" if kind == "image" else "a video"


def annotation(spooled: Spooled) -> text.TextContent:
    """Identify an annotation file. Raises NotSupported for anything that is not UTF-8 text."""
    try:
        return text.identify_text(spooled.file)
    except text.NotText as error:
        raise NotSupported(str(error)) from error
