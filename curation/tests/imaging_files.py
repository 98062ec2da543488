"""Pictures and videos drawn at run time, for the tests of curation.imaging."""

import os
import random
import shutil
import struct
import subprocess
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

SAMPLES: Final = Path(os.environ.get("PYRO_SAMPLES", Path(__file__).parents[3] / "shared" / "samples"))
PNG_START: Final = b"\x89PNG\r\n\x1a\n"


def noise(width: int = 320, height: int = 240, mode: str = "RGB") -> Image.Image:
    """Draw a picture that compresses badly, so that its file is long enough to be cut; always the same."""
    return Image.frombytes("L", (width, height), random.Random(width).randbytes(width * height)).convert(mode)


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def chunk(name: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *more: bytes) -> bytes:
    """Build a PNG whose header claims any size, at no cost."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return PNG_START + header + b"".join(more) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND")


def tiff(*tags: tuple[int, int, int], order: str = "<", at: int = 8) -> bytes:
    """Build a TIFF of one directory from (tag, field type, value); `at` is where the directory stands."""
    start = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, at)
    letters = {1: "B3x", 3: "H2x", 4: "I"}
    entries = (struct.pack(order + "HHI" + letters[kind], tag, kind, 1, value) for tag, kind, value in tags)
    return start.ljust(at, b"\0") + struct.pack(order + "H", len(tags)) + b"".join(entries) + bytes(4)


def jpeg(*segments: bytes, width: int = 8, height: int = 8) -> bytes:
    """Build a JPEG of the given segments, a size, an empty scan and an end."""
    size = segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    return b"\xff\xd8" + b"".join(segments) + size + segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x12\x34\xff\xd9"


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def box(name: bytes, *content: bytes) -> bytes:
    data = b"".join(content)
    return struct.pack(">I4s", len(data) + 8, name) + data


def pictures() -> dict[str, bytes]:
    """Draw one good picture of each format that has an end we can see."""
    image = noise()
    frames = [noise(64, 48, "P") for _ in range(3)]
    return {
        "jpg": saved(image, "JPEG", exif=exif(6)),
        "progressive jpg": saved(image, "JPEG", progressive=True),
        "png": saved(image, "PNG", exif=exif(6)),
        "webp": saved(image, "WEBP", exif=exif(6)),
        "lossless webp": saved(image, "WEBP", lossless=True),
        "gif": saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
    }


def film(path: Path, *options: str, size: str = "64x48") -> Path:
    """Film a second of a test pattern into `path`; its name tells the container. Skips where there is no ffmpeg."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("needs ffmpeg")
    source = ["-f", "lavfi", "-i", f"testsrc=duration=1:size={size}:rate=5"]
    codec = ["-c:v", "libvpx" if path.suffix == ".webm" else "mpeg4"]
    subprocess.run([ffmpeg, "-v", "error", "-y", *source, *codec, *options, str(path)], check=True, timeout=60)
    return path


def samples(folder: str, pattern: str) -> list[Path]:
    """List real samples; skips where the folder of samples is absent."""
    found = sorted((SAMPLES / folder).rglob(pattern))
    if not found:
        pytest.skip(f"needs the samples of {folder} in {SAMPLES}")
    return found
