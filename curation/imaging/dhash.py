"""Difference hashes: whether each pixel of a tiny grey copy is brighter than its right-hand neighbour.

Brightness and contrast hardly matter, a moved camera does. Two hashes are as far apart as the number of their bits
that differ.
"""

from PIL import Image


def dhash(image: Image.Image, side: int) -> int:
    """Return `side` x `side` bits, row by row, the first pixel's bit highest; 0 for a flat picture."""
    grey = image.convert("L").resize((side + 1, side), Image.Resampling.LANCZOS).tobytes()
    bits = 0
    for place in range(len(grey) - 1):
        if (place + 1) % (side + 1):  # the last pixel of a row has no neighbour
            bits = bits << 1 | (grey[place] > grey[place + 1])
    return bits
