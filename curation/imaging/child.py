"""The program that decodes what strangers sent: `python -m curation.imaging.child SOCKET MEMORY`.

It runs apart from the service, with limits on memory and time, no environment and no descriptor but its socket, so
that a hostile file costs a child and nothing else. It never imports Django or a setting.
"""

import os
import resource
import socket
import sys
import warnings
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any, Final

from PIL import Image, TiffImagePlugin, WebPImagePlugin

from curation.imaging import sniff, video, wire
from curation.imaging.dhash import dhash
from curation.imaging.photo import photo_facts
from curation.imaging.thumbnail import SIDES, fitted, upright, webp

CPU_SECONDS: Final = 20  # for one picture
WRITTEN: Final = 64 * 1024 * 1024  # bytes of a file; none is written, but it may be tried
NAMES: Final = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "tif": "TIFF"}
BROKEN: Final = "The picture cannot be decoded: it is broken, or of a kind that we cannot draw."
NO_MEMORY: Final = "The picture needs more memory to decode than a picture may take."
PLUGINS: Final = (TiffImagePlugin, WebPImagePlugin)  # imported: Pillow looks for these two only when asked to search

Answer = tuple[dict[str, Any], list[bytes]]


def main(number: int, memory: int) -> None:
    """Answer requests on the socket `number` until the parent hangs up. memory: bytes of address space."""
    _confine(memory)
    with socket.socket(fileno=number) as line:
        while (request := wire.take(line)) is not None:
            header, descriptor = request
            _allow_cpu()
            with os.fdopen(descriptor, "rb") as file:
                facts, blobs = _work(header, file)
            wire.send(line, facts, *blobs)


def _confine(memory: int) -> None:
    """Limits for good, except for memory: the tools that take pictures out of videos may have more of it."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, max(memory, video.MEMORY)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (WRITTEN, WRITTEN))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def _allow_cpu() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + 1 + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


def _work(request: dict[str, Any], file: IO[bytes]) -> Answer:
    """The facts and the small pictures of one file; what stands in the file raises nothing."""
    try:
        return _video(request, file) if request["kind"] == "video" else _picture(request, file)
    except MemoryError:
        return {"problems": [NO_MEMORY]}, []


# --- Pictures --------------------------------------------------------------------------------------


def _picture(request: dict[str, Any], file: IO[bytes]) -> Answer:
    Image.MAX_IMAGE_PIXELS = request["max_pixels"]
    try:
        told = sniff.identify(file, max_pixels=request["max_pixels"], max_side=request["max_side"])
    except (sniff.Unreadable, sniff.TooManyPixels) as error:
        return {"problems": [str(error)]}, []
    facts: dict[str, Any] = {"width": told.width, "height": told.height, "orientation": told.orientation}
    blobs: list[bytes] = []
    problems: list[str] = []
    try:
        with Image.open(file, formats=[NAMES[told.extension]]) as image:
            for step in (_drawn, _read) if told.extension == "png" else (_read, _drawn):  # PNG may tell at its end
                found, drawn = step(image, told.orientation or 1)
                problems += found.pop("problems", [])
                facts, blobs = facts | found, blobs + drawn
    except MemoryError:
        problems.append(NO_MEMORY)
    except Exception:  # noqa: BLE001  # decoders raise whatever they like
        problems.append(BROKEN)
    return facts | {"problems": problems}, blobs


def _read(image: Image.Image, _orientation: int) -> Answer:
    photo = photo_facts(image)
    facts = asdict(photo) | {"taken_at": photo.taken_at.isoformat() if photo.taken_at else None}
    return facts, []


def _drawn(image: Image.Image, orientation: int) -> Answer:
    large = upright(image, orientation, SIDES["large"])
    hashes = {"dhash64": f"{dhash(large, 8):016x}", "dhash256": f"{dhash(large, 16):064x}"}
    sizes, blobs = _small_pictures(large)
    return hashes | {"sizes": sizes}, blobs


def _small_pictures(large: Image.Image) -> tuple[list[tuple[int, int]], list[bytes]]:
    """Sizes (pixels) and WebP files of the small and the large one, in this order."""
    small = large.resize(fitted(*large.size, SIDES["small"]), Image.Resampling.LANCZOS, reducing_gap=2.0)
    drawn = webp(large)
    return [small.size, large.size], [drawn if small.size == large.size else webp(small), drawn]


# --- Videos ----------------------------------------------------------------------------------------


def _video(request: dict[str, Any], file: IO[bytes]) -> Answer:
    film = video.Film(file.fileno(), request["container"], request["ffprobe"], request["ffmpeg"])
    facts, problems = video.facts(film)
    sizes: list[tuple[int, int]] = []
    blobs: list[bytes] = []
    poster = video.poster(film, facts.get("duration"), SIDES["large"]) if facts else None
    if poster is not None:
        with suppress(Exception), Image.open(poster, formats=["PPM"]) as image:
            sizes, blobs = _small_pictures(upright(image, 1, SIDES["large"]))
    if facts and not blobs:
        problems.append(video.NO_POSTER)
    return facts | {"sizes": sizes, "problems": problems}, blobs


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
