"""The parent's side: reads files in a child of its own, which may die of them.

with Parser() as parser:
    reading = parser.read(file)
    for item in reading:
        ...
reading.report
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from curation.formats import wire
from curation.formats.limits import LIMITS, Limits
from curation.formats.refusals import NotOfFormat, Refused, TooComplex
from curation.formats.regions import Item, PictureSize
from curation.formats.report import Report
from curation.formats.table import FORMATS, Format

MEMORY: Final = 1024 * 1024 * 1024  # bytes of address space of the child
CPU: Final = 20  # seconds, for one file
SECONDS: Final = 30.0  # of waiting for the child, for one file
WEARS_OUT_AFTER: Final = 10_000  # files: what readers have leaked by then is given back
ROOT: Final = Path(__file__).resolve().parents[2]
REFUSALS: Final[dict[str, type[Refused]]] = {kind.__name__: kind for kind in (NotOfFormat, TooComplex)}
TOO_SLOW: Final = "Reading the annotation file took longer than {:g} seconds and was stopped."
BROKE_DOWN: Final = "Reading the annotation file broke down."


class BrokeDown(Exception):
    """The child died or hung, perhaps through no fault of the file; another try may succeed."""


class Parser:
    """For one thread, and one file at a time; a child lasts for many files."""

    def __init__(self, *, memory: int = MEMORY, cpu: int = CPU, seconds: float = SECONDS) -> None:
        self._limits = (memory, cpu)
        self._seconds = seconds
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the child; the next file starts another."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    @property
    def pid(self) -> int | None:
        """Of the child, while there is one."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Have a child ready, so that the first file need not wait for it."""
        self._ready()

    def read(
        self,
        file: IO[bytes],
        *,
        format_: Format | None = None,
        picture: PictureSize | None = None,
        names: Mapping[int, str] | None = None,
        limits: Limits = LIMITS,
    ) -> Reading:
        """Begin to read a file. file: a real one, with a descriptor; format_: None to find out.

        Raises NotOfFormat for one of no format, BrokeDown.
        """
        request = {
            "format": format_.name if format_ else None,
            "picture": list(picture) if picture else None,
            "names": None if names is None else {str(number): name for number, name in names.items()},
            "limits": list(limits),
        }
        return Reading(self, self._ready(), file, request, self._seconds)

    def _ready(self) -> _Child:
        child = self._child
        if child is None or child.is_busy or child.asked >= WEARS_OUT_AFTER or child.parent != os.getpid():
            self.close()
            child = self._child = _Child(*self._limits)
        return child


class Reading:
    """The items of one file, once. `report` is complete, and anything counts, when the last item was taken.

    Iterating raises NotOfFormat, TooComplex, BrokeDown.
    """

    def __init__(self, parser: Parser, child: _Child, file: IO[bytes], request: dict[str, Any], seconds: float) -> None:
        self._parser, self._seconds = parser, seconds
        with _mishaps(self._parser, self._seconds):
            child.ask(request, file)
            self._said = self._until_the_end(child, wire.lines(child.line, seconds))
            letter, name = next(self._said, ("", ""))
            if letter != "f" or name not in FORMATS:
                raise wire.Broken
        self.format = FORMATS[name]
        self.report = Report(self.format.name, self.format.version)

    def __iter__(self) -> Iterator[Item]:
        items = self.report.of(wire.items(self._said))
        while True:
            with _mishaps(self._parser, self._seconds):
                item = next(items, None)
            if item is None:
                return
            yield item

    def _until_the_end(self, child: _Child, said: Iterator[list[Any]]) -> Iterator[list[Any]]:
        for words in said:
            if words[0] == ".":
                child.is_busy = False
                return
            if words[0] == "!":
                child.is_busy = False
                raise REFUSALS.get(words[1], TooComplex)(str(words[2]))
            yield words


@contextmanager
def _mishaps(parser: Parser, seconds: float) -> Iterator[None]:
    """End a child that broke off, and say so."""
    try:
        yield
    except TimeoutError as error:
        parser.close()
        raise BrokeDown(TOO_SLOW.format(seconds)) from error
    except (wire.Broken, OSError) as error:
        parser.close()
        raise BrokeDown(BROKE_DOWN) from error


class _Child:
    """A running child, leader of a process group of its own."""

    def __init__(self, memory: int, cpu: int) -> None:
        self.asked, self.parent, self.is_busy = 0, os.getpid(), False
        self.line, theirs = socket.socketpair()
        with theirs:
            numbers = [str(theirs.fileno()), str(memory), str(cpu)]
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-E", "-s", "-m", "curation.formats.child", *numbers],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"TMPDIR": tempfile.gettempdir()},
                cwd=ROOT,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self.pid = self._process.pid

    def ask(self, request: dict[str, Any], file: IO[bytes]) -> None:
        self.asked += 1
        self.is_busy = True
        file.seek(0)
        self.line.settimeout(10.0)
        wire.ask(self.line, request, file.fileno())

    def end(self) -> None:
        """Kill it and leave no zombie; after a fork, only let go of what is not ours."""
        self.line.close()
        if self.parent != os.getpid():
            self._process.returncode = 0  # the parent waits for it
            return
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
