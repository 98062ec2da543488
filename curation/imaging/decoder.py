"""The parent's side: one child that decodes, for one thread at a time; replaced when it dies, hangs or is worn out."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final

from curation.imaging import sniff, video, wire

MEMORY: Final = 512 * 1024 * 1024  # bytes of address space of the child
SECONDS: Final = 30.0  # for one picture
WEARS_OUT_AFTER: Final = 500  # files: what a decoder has leaked by then is given back
ROOT: Final = Path(__file__).resolve().parents[2]
TOO_SLOW: Final = "Decoding took longer than {:g} seconds and was stopped."
BROKE_DOWN: Final = "Decoding broke down, twice: the file takes too much memory or time, or is made to do harm."
NO_TOOLS: Final = "ffmpeg is not installed, so nothing was found out about the video."
KINDS: Final = ("small", "large")


class AtWork(Exception):
    """Another thread has kept the child busy for too long; ask again later."""


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """A WebP; `kind` is small or large, width and height are pixels."""

    kind: str
    width: int
    height: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out about a file; what was not is None, "" or empty, and `problems` says why, in sentences."""

    width: int | None = None  # pixels, upright
    height: int | None = None
    orientation: int | None = None
    taken_at: datetime | None = None  # aware
    has_offset: bool = False  # of taken_at; else UTC was assumed
    latitude: float | None = None  # degrees, WGS 84
    longitude: float | None = None
    camera_model: str = ""
    duration: float | None = None  # seconds
    fps: float | None = None
    codec: str = ""
    frames: int | None = None
    dhash64: int | None = None  # unsigned
    dhash256: bytes | None = None
    small_pictures: tuple[SmallPicture, ...] = ()
    problems: tuple[str, ...] = ()
    lacked_tools: bool = False  # another try may find out more, once they are there


class Decoder:
    """Asks its child. memory: bytes of address space for pictures; seconds: for one of them."""

    def __init__(self, *, memory: int = MEMORY, seconds: float = SECONDS, lasts: int = WEARS_OUT_AFTER) -> None:
        self.memory, self.seconds, self.lasts = memory, seconds, lasts
        self._lock = threading.Lock()
        self._child: _Child | None = None
        atexit.register(self.close)

    def picture(self, file: IO[bytes], *, max_pixels: int = sniff.MAX_PIXELS, max_side: int = sniff.MAX_SIDE) -> Found:
        """Decode a picture. file: a real one, with a descriptor. Raises AtWork."""
        return self._ask({"kind": "image", "max_pixels": max_pixels, "max_side": max_side}, file, self.seconds)

    def video(self, file: IO[bytes], container: str, tools: video.Tools | None) -> Found:
        """Measure a video and take its poster. container: a key of video.DEMUXERS, as identified. Raises AtWork."""
        if tools is None:
            return Found(problems=(NO_TOOLS,), lacked_tools=True)
        return self._ask({"kind": "video", "container": container} | tools._asdict(), file, video.SECONDS)

    def close(self) -> None:
        """End the child; the next question starts another."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    @property
    def pid(self) -> int | None:
        """Of the child, while there is one."""
        return self._child.pid if self._child else None

    def _ask(self, request: dict[str, Any], file: IO[bytes], seconds: float) -> Found:
        if not self._lock.acquire(timeout=seconds):
            raise AtWork
        try:
            return self._ask_twice(request, file, seconds)
        finally:
            self._lock.release()

    def _ask_twice(self, request: dict[str, Any], file: IO[bytes], seconds: float) -> Found:
        """A child may die of what is not the file's fault, so a second one is asked; a slow one is not asked again."""
        for _ in range(2):
            try:
                return _found(*self._ready().ask(request, file, seconds))
            except TimeoutError:
                self.close()
                return Found(problems=(TOO_SLOW.format(seconds),))
            except wire.Broken:
                self.close()
            except BaseException:  # the job was stopped in between: an answer that nobody took would be the next one's
                self.close()
                raise
        return Found(problems=(BROKE_DOWN,))

    def _ready(self) -> _Child:
        child = self._child
        if child is None or child.asked >= self.lasts or child.parent != os.getpid():
            self.close()
            child = self._child = _Child(self.memory)
        return child


class _Child:
    """A running child, leader of a process group of its own."""

    def __init__(self, memory: int) -> None:
        self.asked, self.parent = 0, os.getpid()
        self._line, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-E", "-s", "-m", "curation.imaging.child", str(theirs.fileno()), str(memory)]
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd=ROOT,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self.pid = self._process.pid

    def ask(self, request: dict[str, Any], file: IO[bytes], seconds: float) -> tuple[dict[str, Any], list[bytes]]:
        """Raises TimeoutError, wire.Broken."""
        self.asked += 1
        file.seek(0)
        self._line.settimeout(seconds)
        try:
            wire.send(self._line, request, file=file.fileno())
        except ConnectionError as error:
            raise wire.Broken from error
        return wire.answer(self._line, until=time.monotonic() + seconds)

    def end(self) -> None:
        """Kill the whole group, tools included, and leave no zombie; after a fork, only let go of what is not ours."""
        self._line.close()
        if self.parent != os.getpid():
            self._process.returncode = 0  # the parent waits for it
            return
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


# --- Reading the answer: a child that was taken over may say anything -----------------------------------


def _found(told: dict[str, Any], blobs: list[bytes]) -> Found:
    """Check every value of an answer. Raises wire.Broken."""
    try:
        return Found(
            width=_number(told, "width", int, 1, 1 << 31),
            height=_number(told, "height", int, 1, 1 << 31),
            orientation=_number(told, "orientation", int, 1, 8),
            taken_at=datetime.fromisoformat(told["taken_at"]) if told.get("taken_at") else None,
            has_offset=told.get("has_offset") is True,
            latitude=_number(told, "latitude", float, -90, 90),
            longitude=_number(told, "longitude", float, -180, 180),
            camera_model=_text(told.get("camera_model", ""), 100),
            duration=_number(told, "duration", float, 0, 1e10),
            fps=_number(told, "fps", float, 0, 1e6),
            codec=_text(told.get("codec", ""), 40),
            frames=_number(told, "frames", int, 0, (1 << 31) - 1),
            dhash64=int(told["dhash64"], 16) & (1 << 64) - 1 if "dhash64" in told else None,
            dhash256=int(told["dhash256"], 16).to_bytes(32, "big") if "dhash256" in told else None,
            small_pictures=_small_pictures(told.get("sizes", []), blobs),
            problems=_sentences(told["problems"]),
        )
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise wire.Broken from error


def _number(told: dict[str, Any], name: str, kind: type[float], least: float, most: float) -> Any:
    value = told.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, kind)) or not least <= value <= most:
        raise ValueError(name)
    return kind(value)


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str):
        raise TypeError
    return "".join(letter for letter in value if letter.isprintable())[:longest]


def _sentences(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(_text(sentence, 300) for sentence in value[:20])


def _small_pictures(sizes: list[list[int]], blobs: list[bytes]) -> tuple[SmallPicture, ...]:
    """What is going to be shown to people must be a WebP of the size that is told."""
    if len(sizes) != len(blobs) or len(blobs) not in (0, len(KINDS)):
        raise ValueError
    found = []
    for kind, (width, height), blob in zip(KINDS, sizes, blobs, strict=False):
        content = sniff.identify(BytesIO(blob))
        if (content.extension, content.width, content.height) != ("webp", width, height):
            raise ValueError
        found.append(SmallPicture(kind, width, height, blob))
    return tuple(found)
