"""What identifying a file answers, and how it refuses."""

from dataclasses import dataclass
from typing import Final, Literal

CONTENT_TYPES: Final = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "tif": "image/tiff",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "avi": "video/x-msvideo",
}
LYING_ON_ITS_SIDE: Final = frozenset({5, 6, 7, 8})  # EXIF orientations whose upright picture swaps width and height


class Unreadable(ValueError):
    """The content is none of what we keep, or is broken; the sentence says what it looks like."""


class CutShort(Unreadable):
    """The content begins well and ends too early; sending it again may help."""


class TooManyPixels(ValueError):
    """The picture is larger than the limits; the sentence gives both figures."""


@dataclass(frozen=True, slots=True)
class Content:
    """What the bytes are. Width and height are pixels of the upright picture; duration is in seconds."""

    kind: Literal["image", "video"]
    content_type: str
    extension: str  # a key of CONTENT_TYPES
    width: int | None  # None for a video whose header we do not read cheaply
    height: int | None
    orientation: int | None  # EXIF 1-8 as stored, 1 when absent; None for a video
    duration: float | None


def picture(extension: str, width: int, height: int, orientation: int) -> Content:
    """Describe a picture from its stored width, height (pixels) and EXIF orientation (1-8)."""
    if orientation in LYING_ON_ITS_SIDE:
        width, height = height, width
    return Content("image", CONTENT_TYPES[extension], extension, width, height, orientation, None)


def video(
    extension: str, width: int | None = None, height: int | None = None, duration: float | None = None
) -> Content:
    """Describe a video; what its header did not tell cheaply stays None."""
    return Content("video", CONTENT_TYPES[extension], extension, width, height, None, duration)
