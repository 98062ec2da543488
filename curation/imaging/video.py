"""What a video is and how it looks, found out by ffprobe and ffmpeg under limits of their own.

They are told the container that the content gave away, so that none can pass for a play list or a list of files, and
they may open files only. Runs in the child, which has no threads: limits are set between fork and exec.
"""

import json
import math
import os
import resource
import select
import shutil
import subprocess
import time
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple

MEMORY: Final = 1024 * 1024 * 1024  # bytes of address space
CPU_SECONDS: Final = 15
WALL_SECONDS: Final = 15.0  # of each of the at most four calls
SECONDS: Final = 75.0  # for all of them, with some to spare
MOST_TOLD: Final = 256 * 1024  # bytes of ffprobe's answer
MOST_COUNTED: Final = 1 << 30  # bytes of a video whose frames are counted where its header does not tell
LONGEST_CODEC: Final = 40
DEMUXERS: Final = {"mp4": "mov", "mov": "mov", "mkv": "matroska", "webm": "matroska", "avi": "avi"}
SIDEWAYS: Final = frozenset({90, 270})
NO_STREAM: Final = "No video stream in the file can be read."
NO_POSTER: Final = "No picture could be taken out of the video."
NO_COUNT: Final = "The frames of the video could not be counted."
SHOWN: Final = (
    "stream=codec_name,width,height,avg_frame_rate,nb_frames,nb_read_packets,duration"
    ":stream_side_data=rotation:stream_tags=rotate:format=duration"
)


class Tools(NamedTuple):
    """Absolute paths of the two programs."""

    ffprobe: str
    ffmpeg: str


def tools() -> Tools | None:
    """Find the programs on this machine; None unless both are there."""
    ffprobe, ffmpeg = shutil.which("ffprobe"), shutil.which("ffmpeg")
    return Tools(str(Path(ffprobe).resolve()), str(Path(ffmpeg).resolve())) if ffprobe and ffmpeg else None


class Film(NamedTuple):
    """A video: its open file, the extension of its detected container, and the tools."""

    descriptor: int
    container: str
    ffprobe: str
    ffmpeg: str

    @property
    def source(self) -> list[str]:
        return [
            "-protocol_whitelist",
            "file,pipe",
            "-f",
            DEMUXERS[self.container],
            "-i",
            f"/proc/self/fd/{self.descriptor}",
        ]


def facts(film: Film) -> tuple[dict[str, Any], list[str]]:
    """Return width, height, duration, fps, codec and frames of the first video stream, and what is wrong with it."""
    told = _probe(film)
    if told is None:
        return {}, [NO_STREAM]
    stream, duration = told
    width, height = _whole(stream.get("width")), _whole(stream.get("height"))
    if _rotation(stream) % 360 in SIDEWAYS:
        width, height = height, width
    frames, problems = _whole(stream.get("nb_frames")) or _count(film), list[str]()
    if frames is None:
        problems.append(NO_COUNT)
    found = {
        "width": width,
        "height": height,
        "duration": duration,
        "fps": _ratio(stream.get("avg_frame_rate")),
        "codec": str(stream.get("codec_name", ""))[:LONGEST_CODEC],
        "frames": frames,
    }
    return found, problems


def poster(film: Film, duration: float | None, side: int) -> BytesIO | None:
    """Take one upright picture out of it, at most `side` pixels long: of its first second, or else the very first."""
    moments = [min(1.0, (duration or 0) / 2), 0.0]
    scale = f"scale=w='min({side},iw)':h='min({side},ih)':force_original_aspect_ratio=decrease"
    for moment in dict.fromkeys(moments):
        command = [film.ffmpeg, "-nostdin", "-v", "error", "-threads", "1", "-ss", f"{moment:.3f}", *film.source]
        command += ["-map", "0:v:0", "-an", "-sn", "-dn", "-frames:v", "1", "-vf", scale, "-f", "image2pipe"]
        if picture := _run([*command, "-c:v", "ppm", "pipe:1"], film, most=side * side * 3 + 1024):
            return BytesIO(picture)
    return None


def _probe(film: Film, *extra: str) -> tuple[dict[str, Any], float | None] | None:
    """The first video stream as ffprobe tells it, and the duration in seconds; None when there is none."""
    command = [film.ffprobe, "-v", "error", "-select_streams", "v:0", *extra]
    text = _run([*command, "-show_entries", SHOWN, "-of", "json", *film.source], film, most=MOST_TOLD)
    try:
        told = json.loads(text)
        stream = told["streams"][0]
        return stream, _seconds(stream.get("duration")) or _seconds(told.get("format", {}).get("duration"))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _count(film: Film) -> int | None:
    if os.fstat(film.descriptor).st_size > MOST_COUNTED:
        return None
    told = _probe(film, "-count_packets")
    return _whole(told[0].get("nb_read_packets")) if told else None


def _run(command: list[str], film: Film, *, most: int) -> bytes:
    """What the program writes, at most `most` bytes; b"" when it fails, hangs or writes more."""
    process = subprocess.Popen(  # noqa: S603  # no shell, and the paths are ours
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        pass_fds=(film.descriptor,),
        preexec_fn=_confine,  # noqa: PLW1509  # the child has one thread
    )
    until = time.monotonic() + WALL_SECONDS
    try:
        written = _read(process, most, until)
        ended = process.wait(max(0.1, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return b""
    finally:
        process.kill()
        process.communicate()
    return written if ended == 0 else b""


def _read(process: subprocess.Popen[bytes], most: int, until: float) -> bytes:
    """All that it writes; b"" when that is too much, or when it takes too long."""
    assert process.stdout is not None
    pieces = bytearray()
    while select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))[0]:
        piece = os.read(process.stdout.fileno(), 1 << 16)
        pieces += piece
        if not piece:
            return bytes(pieces)
        if len(pieces) > most:
            break
    process.kill()
    return b""


def _confine() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


def _rotation(stream: dict[str, Any]) -> int:
    """Degrees by which players turn the video."""
    told = [entry.get("rotation") for entry in stream.get("side_data_list", [])]
    told.append(stream.get("tags", {}).get("rotate"))
    return next((number for value in told if (number := _whole(value, signed=True)) is not None), 0)


def _whole(value: Any, *, signed: bool = False) -> int | None:
    try:
        number = int(value)
    except (TypeError, ValueError):
        return None
    return number if signed or 0 < number < 1 << 31 else None


def _seconds(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _ratio(value: Any) -> float | None:
    """Frames per second out of "24000/1001"; None for "0/0"."""
    above, _, below = str(value).partition("/")
    numbers = _seconds(above), _seconds(below or 1)
    return numbers[0] / numbers[1] if numbers[0] and numbers[1] else None
