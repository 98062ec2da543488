"""The orientation in an EXIF block, which is a small TIFF inside JPEG, PNG and WebP."""

from io import BytesIO
from typing import Final

from curation.imaging import tiff
from curation.imaging.content import Unreadable
from curation.imaging.reading import HeaderReader

PREFIX: Final = b"Exif\0\0"  # before the block in JPEG; some writers repeat it in WebP and PNG
LONGEST: Final = 64 * 1024  # JPEG allows no more; the orientation stands near the start


def orientation(block: bytes) -> int:
    """Return the orientation (1-8) that `block` tells, 1 when it tells none.

    A picture is evidence, its EXIF a convenience: a broken block never refuses the picture.
    """
    try:
        return tiff.orientation_of(tiff.directory(HeaderReader(BytesIO(block.removeprefix(PREFIX)), "EXIF block")))
    except Unreadable:
        return 1
