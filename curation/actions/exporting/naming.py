"""What exported files are called."""

from __future__ import annotations

from pathlib import PurePosixPath

from curation.formats.table import Format
from curation.models import Media
from curation.storage.headers import clean_name


def file_name(media: Media, format_: Format) -> str:
    """As the picture, with the extension of the format: readers find the one by the other."""
    stem = PurePosixPath(clean_name(media.original_name)).stem.lstrip(".")
    return clean_name(f"{stem or f'media-{media.pk}'}.{format_.extension}")
