"""Pictures and labels drawn at run time."""

from __future__ import annotations

import io
import random
import zipfile

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

LABEL = b"0 0.5 0.5 0.1 0.1\n"


def picture(seed: int = 0, *, size: tuple[int, int] = (64, 48), kind: str = "JPEG") -> bytes:
    """A small picture; every seed gives other bytes."""
    draw = random.Random(seed)
    image = Image.frombytes("RGB", size, draw.randbytes(size[0] * size[1] * 3))
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive of `files`: content by name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def part(content: bytes, name: str = "picture.jpg") -> SimpleUploadedFile:
    """A file part of a multipart body."""
    return SimpleUploadedFile(name, content, content_type="application/octet-stream")
