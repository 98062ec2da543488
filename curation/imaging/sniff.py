"""What a picture or a video is, told from its header in constant memory.

The first bytes decide, whatever follows: neither the name nor the declared type has a say. Nothing is decoded or
inflated here, so a hostile file costs what a good one costs.
"""

from collections.abc import Callable
from typing import IO, Final, NamedTuple

from curation.imaging import avi, gif, jpeg, matroska, mp4, png, tiff, webp
from curation.imaging.content import Content, CutShort, TooManyPixels, Unreadable
from curation.imaging.reading import HeaderReader
from curation.imaging.signatures import ENOUGH, looks_like

__all__ = ["Content", "CutShort", "TooManyPixels", "Unreadable", "identify"]

MAX_PIXELS: Final = 50_000_000
MAX_SIDE: Final = 16_384
KEPT: Final = "a picture must be JPEG, PNG, WebP, GIF or TIFF, and a video mp4, mov, mkv, webm or avi."


class Format(NamedTuple):
    noun: str  # how a sentence calls it
    starts: Callable[[bytes], bool]
    read: Callable[[HeaderReader], Content]


FORMATS: Final = (
    Format("JPEG picture", lambda head: head.startswith(jpeg.START), jpeg.read),
    Format("PNG picture", lambda head: head.startswith(png.START), png.read),
    Format("WebP picture", webp.starts, webp.read),
    Format("GIF picture", lambda head: head.startswith(gif.STARTS), gif.read),
    Format("TIFF picture", lambda head: head.startswith(tiff.STARTS), tiff.read),
    Format("AVI video", avi.starts, avi.read),
    Format("Matroska video", lambda head: head.startswith(matroska.START), matroska.read),
    Format("MP4 or QuickTime video", mp4.starts, mp4.read),
)


def identify(file: IO[bytes], *, max_pixels: int = MAX_PIXELS, max_side: int = MAX_SIDE) -> Content:
    """Tell what `file` is, from its bytes alone.

    file: seekable, at any position; left at 0.
    max_pixels, max_side: largest picture kept, in pixels in all and in pixels of one side; a video is not measured.
    Raises Unreadable for what we do not keep and for what is broken (CutShort when its end is missing: evidence cut by
    a poor line is refused so that the tower sends it again), TooManyPixels for a picture over a limit.
    Reads at most about 1 MiB; only a JPEG with a long appendix is searched further, up to jpeg.LONGEST_STILL.
    """
    try:
        content = _read(file)
    finally:
        file.seek(0)
    if content.kind == "image":
        _check_size(content.width or 0, content.height or 0, max_pixels, max_side)
    return content


def _read(file: IO[bytes]) -> Content:
    file.seek(0)
    head = file.read(ENOUGH)
    for form in FORMATS:
        if form.starts(head):
            return form.read(HeaderReader(file, form.noun))
    if not head:
        raise Unreadable(f"The file is empty; {KEPT}")
    if known := looks_like(head):
        raise Unreadable(f"This looks like {known}; {KEPT}")
    raise Unreadable(f"The content is of no type that we know; {KEPT}")


def _check_size(width: int, height: int, max_pixels: int, max_side: int) -> None:
    if not width or not height:
        raise Unreadable(f"This picture is empty: it measures {width} x {height} pixels.")
    if max(width, height) > max_side:
        raise TooManyPixels(f"The picture measures {width} x {height} pixels; a side may have {max_side} at most.")
    if width * height > max_pixels:
        raise TooManyPixels(
            f"The picture has {width * height} pixels ({width} x {height}); it may have {max_pixels} at most."
        )
