"""What a picture is told to be: drawn picture in, Content out."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import pytest
from PIL import Image

from curation.imaging.sniff import Content, CutShort, Unreadable, identify
from curation.tests.imaging_files import exif, jpeg, noise, png, saved, segment, tiff

ORIENTATION, WIDTH, HEIGHT = 274, 256, 257
SHORT, LONG = 3, 4
DRAWN: list[tuple[str, str, str, dict[str, Any]]] = [
    # Pillow's format, its mode, our extension, how it is saved
    ("JPEG", "RGB", "jpg", {}),
    ("JPEG", "L", "jpg", {}),
    ("JPEG", "CMYK", "jpg", {}),
    ("JPEG", "RGB", "jpg", {"progressive": True}),
    ("JPEG", "RGB", "jpg", {"icc_profile": bytes(200_000)}),
    ("MPO", "RGB", "jpg", {"save_all": True, "append_images": [Image.new("RGB", (9, 9))]}),
    ("PNG", "RGB", "png", {}),
    ("PNG", "P", "png", {}),
    ("PNG", "I;16", "png", {}),
    ("PNG", "RGBA", "png", {"save_all": True, "append_images": [Image.new("RGBA", (30, 20))]}),
    ("GIF", "P", "gif", {}),
    ("GIF", "P", "gif", {"save_all": True, "append_images": [Image.new("P", (30, 20), 1)], "comment": b"x" * 999}),
    ("WEBP", "RGB", "webp", {}),
    ("WEBP", "RGBA", "webp", {}),
    ("WEBP", "RGB", "webp", {"lossless": True}),
    ("WEBP", "RGB", "webp", {"save_all": True, "append_images": [Image.new("RGB", (30, 20))]}),
    ("TIFF", "RGB", "tif", {}),
    ("TIFF", "RGB", "tif", {"big_tiff": True}),
    ("TIFF", "I;16B", "tif", {}),
    ("TIFF", "RGB", "tif", {"compression": "jpeg"}),
    ("TIFF", "L", "tif", {"save_all": True, "append_images": [Image.new("L", (99, 99))]}),
]
CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "tif": "image/tiff",
}


def told(data: bytes) -> Content:
    return identify(BytesIO(data))


def drawn(mode: str) -> Image.Image:
    return Image.new(mode, (30, 20)) if mode.startswith("I;16") else noise(30, 20, mode)


@pytest.mark.parametrize(("form", "mode", "extension", "options"), DRAWN)
def test_each_kind_of_picture_is_told_by_its_bytes(
    form: str, mode: str, extension: str, options: dict[str, Any]
) -> None:
    expected = Content("image", CONTENT_TYPES[extension], extension, 30, 20, 1, None)
    assert told(saved(drawn(mode), form, **options)) == expected


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_of_the_upright_picture_and_the_orientation_is_kept(form: str, orientation: int) -> None:
    content = told(saved(noise(30, 20), form, exif=exif(orientation)))
    upright = (30, 20) if orientation < 5 else (20, 30)
    assert (content.width, content.height, content.orientation) == (*upright, orientation)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, SHORT, LONG])
def test_an_orientation_of_any_integer_type_counts(order: str, kind: int) -> None:
    block = tiff((ORIENTATION, kind, 8), order=order)
    assert told(jpeg(segment(0xE1, b"Exif\0\0" + block))).orientation == 8


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II",
        b"II*\0",
        b"nonsense" * 20,
        tiff((ORIENTATION, SHORT, 0)),
        tiff((ORIENTATION, SHORT, 9)),
        tiff((ORIENTATION, SHORT, 65535)),
        tiff((ORIENTATION, SHORT, 6))[:-10],
        tiff((ORIENTATION, LONG, 6)).replace(b"\x12\1\4\0", b"\x12\1\x10\0"),
        tiff((ORIENTATION, SHORT, 6)).replace(b"\x08\0\0\0", b"\xff\xff\xff\xff", 1),
        b"II+\0\x08\0\0\0" + b"\xff" * 8,
        b"II+\0\x10\0\0\0" + bytes(8),
        b"II*\0\x08\0\0\0\xff\xff",
    ],
)
def test_broken_exif_never_refuses_a_picture(block: bytes) -> None:
    assert told(jpeg(segment(0xE1, b"Exif\0\0" + block))).orientation == 1
    assert told(saved(noise(30, 20), "WEBP", exif=b"Exif\0\0" + block)).orientation == 1


def test_the_first_exif_of_a_jpeg_counts_and_xmp_is_passed_over() -> None:
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")
    first, second = (segment(0xE1, b"Exif\0\0" + tiff((ORIENTATION, SHORT, value))) for value in (3, 6))
    assert told(jpeg(xmp, segment(0xE1, b""), first, second)).orientation == 3


def test_fill_bytes_and_restart_markers_between_the_segments_of_a_jpeg_are_passed_over() -> None:
    assert told(jpeg(b"\xff\xff\xff", segment(0xFE, b"hello"), b"\xff\xd0\xff\x01", width=7, height=5)).width == 7


def test_an_orientation_after_the_data_of_a_png_counts() -> None:
    data = png(30, 20)
    late = saved(noise(30, 20), "PNG", exif=exif(6))
    start = late.index(b"eXIf") - 4
    length = 12 + int.from_bytes(late[start : start + 4], "big")
    assert told(data[:-12] + late[start : start + length] + data[-12:]).orientation == 6


def test_a_gif_whose_first_image_is_larger_than_its_screen_is_as_large_as_that_image() -> None:
    data = bytearray(saved(noise(30, 20, "P"), "GIF"))
    data[6:10] = b"\1\0\1\0"
    content = told(bytes(data))
    assert (content.width, content.height) == (30, 20)
    with Image.open(BytesIO(data)) as image:
        image.load()
        assert image.size == (30, 20)


@pytest.mark.parametrize("appended", [b"\0", b"\r\n", bytes(1000), b"camera serial 17"])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_bytes_that_a_camera_appends_are_tolerated(form: str, appended: bytes) -> None:
    assert told(saved(noise(30, 20), form) + appended).width == 30


def test_padding_after_a_gif_is_tolerated() -> None:
    assert told(saved(noise(30, 20, "P"), "GIF") + b"\r\n" + bytes(99)).width == 30


def test_a_motion_photo_with_a_long_video_behind_it_is_whole() -> None:
    assert told(jpeg() + b"video" * 100_000).extension == "jpg"


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_the_first_bytes_of_a_polyglot_decide(form: str) -> None:
    picture = saved(noise(30, 20), form)
    assert told(picture + b"<html><script>alert(1)</script>" + b"PK\x03\x04").content_type.startswith("image/")
    with pytest.raises(Unreadable, match="This looks like a PDF"):
        told(b"%PDF-1.7\n" + picture)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (png(0, 5), "This picture is empty: it measures 0 x 5 pixels."),
        (png(5, 0), "This picture is empty: it measures 5 x 0 pixels."),
        (jpeg(width=0), "This picture is empty: it measures 0 x 8 pixels."),
        (tiff((WIDTH, SHORT, 0), (HEIGHT, SHORT, 4)), "This picture is empty: it measures 0 x 4 pixels."),
        (tiff((WIDTH, SHORT, 4)), "its first directory does not tell width and height"),
        (tiff((WIDTH, SHORT, 4), (HEIGHT, SHORT, 4), (50706, LONG, 1)), "a raw camera file"),
        (tiff((WIDTH, SHORT, 4), (HEIGHT, SHORT, 4), (254, LONG, 1)), "a raw camera file"),
        (b"II+\0\4\0\0\0" + bytes(8), "its BigTIFF header does not name 8-byte places"),
        (b"\xff\xd8\xff\xd9", "it ends before its picture begins"),
        (b"\xff\xd8" + segment(0xDA, b"\0") + b"\xff\xd9", "its data begins before its size is told"),
        (jpeg(segment(0xC2, bytes(6))), "it gives its size twice"),
        (jpeg(segment(0xC2, bytes(5))), "its size is incomplete"),
        (jpeg(b"\xff\xfe\0\1"), "a segment is shorter than its own length field"),
        (jpeg(segment(0xFE, b"") + b"what"), "between its segments stands something else"),
        (jpeg()[:-2], "looks cut short"),
        (png(5, 5)[:33] + png(5, 5)[-12:], "it holds no picture data"),
        (png(5, 5)[:33] + bytes(12) + png(5, 5)[33:], "between its chunks stands something else"),
        (png(5, 5)[:16] + b"\0\0\0\x06" + png(5, 5)[20:], "the checksum of its header does not match"),
        (png(5, 5)[:8] + png(5, 5)[33:], "it does not begin with its size"),
        (png(5, 5)[:-12], "looks cut short"),
        (b"GIF89a\5\0\5\0\0\0\0;", "no picture follows its header"),
        (b"RIFF\x04\0\0\0WEBP", "it holds no picture data"),
        (b"RIFF\x0c\0\0\0WEBPVP8L\xff\0\0\0", "a chunk reaches past its end"),
        (b"RIFF\x16\0\0\0WEBPVP8 \x0a\0\0\0" + bytes(10), "its first chunk does not tell its size"),
        (b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(10), "it holds no picture data"),
    ],
)
def test_a_broken_picture_is_refused_with_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        told(data)
    assert sentence in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_a_jpeg_cut_after_its_thumbnail_is_not_saved_by_the_thumbnails_end() -> None:
    thumbnail = segment(0xE1, b"Exif\0\0" + tiff((ORIENTATION, SHORT, 6)) + jpeg())
    whole = jpeg(thumbnail)
    assert told(whole).orientation == 6
    with pytest.raises(CutShort, match=r"This JPEG picture looks cut short.*send it again"):
        told(whole[:-2])


@pytest.mark.parametrize(
    ("data", "looks"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg/>", "an SVG drawing"),
        (b"<!DOCTYPE html><p>", "a web page"),
        (b"%PDF-1.4", "a PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "an EPS or PostScript document"),
        (b"\xc5\xd0\xd3\xc6" + bytes(30), "an EPS document"),
        (b"8BPS\0\1" + bytes(30), "a Photoshop picture (PSD)"),
        (b"SIMPLE  =                    T", "a FITS picture"),
        (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0", "a BMP picture"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (b"\xff\x4f\xff\x51\0", "a JPEG 2000 picture"),
        (b"icns\0\0\0\x08", "an ICNS icon"),
        (b"\0\0\1\0\1\0", "an ICO icon"),
        (b"\xd7\xcd\xc6\x9a\0\0", "a WMF drawing"),
        (b"STARTFONT 2.1\n", "a BDF font"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC or AVIF picture"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1isom", "a HEIC or AVIF picture"),
        (b"PK\x03\x04" + bytes(30), "a ZIP archive"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "a WAV sound recording"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "an HLS playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "a list of videos"),
        (b"The free text of a visitor, \nand more", "text"),
        (b"0 0.5 0.5 0.1 0.1\n", "text"),
        ("é".encode("utf-16"), "UTF-16 text"),
        (b"\x80\x04\x95", "a Python pickle"),
    ],
)
def test_what_we_do_not_keep_is_refused_by_name(data: bytes, looks: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        told(data)
    assert f"This looks like {looks};" in str(refusal.value)
    assert "JPEG, PNG, WebP, GIF or TIFF" in str(refusal.value)


@pytest.mark.parametrize("form", ["BMP", "PPM", "ICO", "JPEG2000", "AVIF", "TGA", "PCX", "SGI", "DDS", "EPS", "PDF"])
def test_other_formats_that_pillow_writes_are_refused(form: str) -> None:
    with pytest.raises(Unreadable):
        told(saved(noise(30, 20), form))


def test_an_empty_file_and_an_unknown_one_are_refused() -> None:
    with pytest.raises(Unreadable, match="The file is empty"):
        told(b"")
    with pytest.raises(Unreadable, match="of no type that we know"):
        told(b"\xde\xad\xbe\xef" * 100)


@pytest.mark.parametrize("position", [0, 1, 10_000])
def test_the_file_is_read_from_its_start_and_left_there(position: int) -> None:
    for data in (png(30, 20), b"%PDF-1.4", png(30, 20)[:40]):
        file = BytesIO(data)
        file.seek(position)
        with suppress(Unreadable):
            assert identify(file).width == 30
        assert file.tell() == 0


def test_any_kind_of_seekable_file_will_do(tmp_path: Path) -> None:
    data = saved(noise(), "JPEG", exif=exif(6))
    path = tmp_path / "picture.exe"
    path.write_bytes(data)
    with path.open("rb") as buffered, path.open("rb", buffering=0) as bare, SpooledTemporaryFile(99) as spooled:
        spooled.write(data)
        for file in (buffered, bare, spooled):
            assert identify(file).orientation == 6
