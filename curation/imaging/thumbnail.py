"""Small copies of a picture: upright, opaque, WebP, without metadata, never enlarged.

Memory stays near that of the decoded picture: what cannot be decoded smaller is made opaque and reduced strip by strip.
"""

import math
from collections.abc import Callable
from io import BytesIO
from typing import Any, Final

from PIL import Image

SIDES: Final = {"small": 320, "large": 1280}  # longest side, pixels
QUALITY: Final = 80
STRIP_PIXELS: Final = 1 << 20  # made opaque at once
DEEP: Final = frozenset({"I", "F"})  # more than 8 bits; "I;16" and its relatives as well
TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def fitted(width: int, height: int, side: int) -> tuple[int, int]:
    """Return width and height (pixels) that fit into a square of `side`, at least 1, never more than given."""
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def upright(image: Image.Image, orientation: int, side: int) -> Image.Image:
    """Decode the first frame, as large as `side` asks for and no larger: RGB, turned by `orientation` (EXIF, 1-8).

    Raises what Pillow raises for broken pictures, and MemoryError.
    """
    size = fitted(*image.size, side)
    image.draft("RGB", size)  # a JPEG is decoded at a half, a quarter or an eighth where that is enough
    image.load()
    if image.format == "TIFF":  # the only one that Pillow turns by itself
        orientation, size = 1, fitted(*image.size, side)
    small = _reduced(image, size)
    small = small.resize(size, Image.Resampling.LANCZOS) if small.size != size else small
    return small.transpose(TURNS[orientation]) if orientation in TURNS else small


def _reduced(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Make opaque RGB of it, by a whole factor smaller where it has more than twice the pixels that are wanted."""
    factor = max(1, min(image.width // (2 * size[0]), image.height // (2 * size[1])))
    if image.mode in {"RGB", "L"} and not image.has_transparency_data:
        return (image.reduce(factor) if factor > 1 else image).convert("RGB")
    opaque = _opacity(image)
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    rows = max(1, STRIP_PIXELS // image.width // factor) * factor
    for top in range(0, image.height, rows):
        strip = opaque(image.crop((0, top, image.width, min(top + rows, image.height))))
        small.paste(strip.reduce(factor) if factor > 1 else strip, (0, top // factor))
    return small


def _opacity(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Choose how strips of `image` become opaque RGB."""
    if image.has_transparency_data:
        return _on_white
    if image.mode in DEEP or image.mode.startswith("I;"):
        return _stretch(*image.getextrema())
    return lambda strip: strip.convert("RGB")


def _on_white(strip: Image.Image) -> Image.Image:
    layers = strip.convert("RGBA")
    opaque = Image.new("RGB", strip.size, "white")
    opaque.paste(layers, mask=layers)
    return opaque


def _stretch(low: Any, high: Any) -> Callable[[Image.Image], Image.Image]:
    """Spread the values that occur over black to white: a thermal camera uses few of its 16 bits."""
    scale = 255 / (high - low) if math.isfinite(low) and math.isfinite(high) and high > low else 0.0
    offset = -low * scale if scale else 0.0

    def spread(strip: Image.Image) -> Image.Image:
        numbers = strip.convert("I").convert("F") if strip.mode.startswith("I;") else strip.convert("F")
        return numbers.point(lambda value: value * scale + offset).convert("L").convert("RGB")

    return spread


def webp(image: Image.Image) -> bytes:
    """Encode without metadata: no EXIF, no position, no colour profile, no XMP."""
    file = BytesIO()
    image.info = {}
    image.save(file, "WEBP", quality=QUALITY)
    return file.getvalue()
