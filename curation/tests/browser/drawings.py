"""Pictures for people to look at: a ridge with smoke above it, drawn at run time."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFilter

SIZE = (1280, 720)


def landscape(kind: str = "JPEG") -> bytes:
    """A picture as a camera on a tower takes it."""
    image = Image.new("RGB", SIZE)
    draw = ImageDraw.Draw(image)
    for y in range(SIZE[1]):
        draw.line([(0, y), (SIZE[0], y)], fill=(150 + y // 12, 178 + y // 14, 205 + y // 24))
    smoke = Image.new("L", SIZE)
    plume = ImageDraw.Draw(smoke)
    for step in range(14):
        x, y, r = 700 + step * 12, 430 - step * 22, 18 + step * 7
        plume.ellipse([x - r, y - r, x + r, y + r], fill=200 - step * 10)
    image.paste((225, 222, 218), mask=smoke.filter(ImageFilter.GaussianBlur(14)))
    draw.polygon([(0, 480), (300, 400), (640, 450), (900, 390), (1280, 470), (1280, 720), (0, 720)], fill=(92, 112, 96))
    draw.polygon([(0, 590), (420, 520), (860, 570), (1280, 510), (1280, 720), (0, 720)], fill=(56, 78, 58))
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()
