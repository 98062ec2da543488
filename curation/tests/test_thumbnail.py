"""Small pictures: the right way up, of the right size, opaque, and without a word about where they were taken."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageOps

from curation.imaging.thumbnail import fitted, upright, webp
from curation.tests.imaging_files import exif, saved

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)

MODES = {
    "JPEG": ["RGB", "L", "CMYK"],
    "PNG": ["RGB", "L", "1", "P", "LA", "RGBA", "I;16"],
    "WEBP": ["RGB", "RGBA"],
    "GIF": ["L", "P"],
    "TIFF": ["RGB", "L", "1", "P", "LA", "RGBA", "CMYK", "I;16", "I", "F"],
}


def corners(image: Image.Image) -> list[str]:
    """The colours near the corners, by their strongest channel, clockwise from the upper left."""
    width, height = image.size
    near = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)]
    names = []
    for x, y in near:
        pixel: Any = image.getpixel((int(width * x), int(height * y)))
        names.append("white" if min(pixel) > 200 else "rgb"[pixel.index(max(pixel))])
    return names


def flag(width: int = 60, height: int = 40) -> Image.Image:
    """Red, green, blue, white, clockwise from the upper left."""
    image = Image.new("RGB", (width, height), WHITE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (width // 2, height // 2, width, height))
    return image


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [
        ((640, 480), 320, (320, 240)),
        ((480, 640), 320, (240, 320)),
        ((320, 200), 320, (320, 200)),
        ((321, 200), 320, (320, 199)),
        ((88, 64), 320, (88, 64)),
        ((16384, 1), 1280, (1280, 1)),
        ((1, 1), 320, (1, 1)),
    ],
)
def test_it_fits_into_the_square_and_is_never_enlarged(
    size: tuple[int, int], side: int, expected: tuple[int, int]
) -> None:
    assert fitted(*size, side) == expected


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("side", [20, 320])
def test_every_orientation_comes_out_upright(orientation: int, form: str, side: int) -> None:
    turned = opened(saved(flag(), "PNG", exif=exif(orientation)))
    stored = ImageOps.exif_transpose(turned)  # what a viewer shows of a file with this orientation
    content = saved(flag(), form, exif=exif(orientation), **({"quality": 95} if form in {"JPEG", "WEBP"} else {}))
    seen = upright(opened(content), orientation, side)
    assert corners(seen) == corners(stored)
    assert seen.size == fitted(*stored.size, side)


@pytest.mark.parametrize("size", [(60, 40), (3000, 2000)])
@pytest.mark.parametrize(("form", "mode"), [(form, mode) for form, modes in MODES.items() for mode in modes])
def test_every_mode_becomes_rgb_of_the_right_size(form: str, mode: str, size: tuple[int, int]) -> None:
    image = Image.new("F", size, 3.5) if mode == "F" else flag(*size).convert("L" if mode[0] == "I" else mode)
    image = image.convert(mode)
    small = upright(opened(saved(image, form)), 1, 320)
    assert (small.mode, small.size) == ("RGB", fitted(*size, 320))


@pytest.mark.parametrize("size", [(60, 40), (2000, 1500)])
@pytest.mark.parametrize("form", ["RGBA", "LA", "palette"])
def test_what_is_transparent_becomes_white(form: str, size: tuple[int, int]) -> None:
    if form == "palette":
        image = Image.new("P", size, 0)
        image.putpalette([0, 0, 0, 255, 0, 0])
        image.paste(1, (0, 0, size[0] // 2, size[1]))
        content = saved(image, "PNG", transparency=0)
    else:
        image = Image.new("RGBA", size, (0, 0, 0, 0))
        image.paste((*RED, 255), (0, 0, size[0] // 2, size[1]))
        content = saved(image.convert(form), "PNG")
    small = upright(opened(content), 1, 320)
    assert corners(small)[1:3] == ["white", "white"]
    assert corners(small)[0] == "r"


@pytest.mark.parametrize(("low", "high"), [(0, 65535), (1000, 1400)])
def test_sixteen_bits_are_spread_over_what_a_screen_shows(low: int, high: int) -> None:
    image = Image.new("I;16", (40, 20), low)
    image.paste(high, (20, 0, 40, 20))
    small = upright(opened(saved(image, "PNG")), 1, 320)
    assert (small.getpixel((5, 5)), small.getpixel((35, 5))) == ((0, 0, 0), (255, 255, 255))


def test_sixteen_flat_bits_are_no_division_by_nothing() -> None:
    small = upright(opened(saved(Image.new("I;16", (40, 20), 700), "PNG")), 1, 320)
    assert small.getcolors() == [(800, (0, 0, 0))]


def test_of_an_animation_the_first_frame_is_drawn() -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in (BLUE, RED, GREEN)]
    for form in ("GIF", "WEBP", "PNG"):
        content = saved(frames[0], form, save_all=True, append_images=frames[1:])
        assert corners(upright(opened(content), 1, 320)) == ["b"] * 4


def test_no_metadata_is_left() -> None:
    tags = exif(6)
    tags[0x0110] = "secret camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = saved(flag(), "JPEG", exif=tags, icc_profile=profile, xmp=b"<secret/>", comment=b"secret")
    small = webp(upright(opened(content), 6, 320))
    assert b"secret" not in small
    with opened(small) as image:
        assert (image.format, image.size) == ("WEBP", (40, 60))
        assert not image.getexif()
        assert {"exif", "icc_profile", "xmp"} & set(image.info) == set()


def test_a_jpeg_is_decoded_no_larger_than_needed() -> None:
    image = opened(saved(Image.new("RGB", (8000, 6000)), "JPEG"))
    small = upright(image, 1, 1280)
    assert small.size == (1280, 960)
    assert image.size == (2000, 1500)
