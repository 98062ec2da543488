"""The program that reads annotation files of strangers: `python -m curation.formats.child SOCKET MEMORY CPU`.

It runs apart from the service, with limits on memory and time, without its environment, and with no descriptor but its
socket: a hostile file costs a child and nothing else. It never imports Django or a setting.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from typing import IO, Any, Final, NoReturn

from curation.formats import wire
from curation.formats.detect import detect
from curation.formats.limits import Limits
from curation.formats.refusals import NotOfFormat, Refused, TooComplex
from curation.formats.regions import PictureSize
from curation.formats.table import FORMATS

WRITTEN: Final = 1024 * 1024 * 1024  # bytes of a temporary file, in which regions are put together by picture
ENOUGH: Final = 64 * 1024  # bytes sent at once
NO_MEMORY: Final = "The file needs more memory to read than it may take."
NO_TIME: Final = "The file takes more than {} seconds to read."
UNKNOWN: Final = "The file is of no format that we read."


def main(number: int, memory: int, cpu: int) -> None:
    """Answer requests on the socket `number` until the parent hangs up. memory: bytes; cpu: seconds for one file."""
    _confine(memory)
    gc.disable()  # what is read has no cycles, and a million regions are long to look through

    def stop(*_: object) -> NoReturn:
        raise TooComplex(NO_TIME.format(cpu))

    signal.signal(signal.SIGXCPU, stop)
    with socket.socket(fileno=number) as line:
        while (request := wire.asked(line)) is not None:
            header, descriptor = request
            with os.fdopen(descriptor, "rb") as file:
                _allow_cpu(cpu)
                _send(line, _answer(header, file))


def _confine(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (WRITTEN, WRITTEN))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def _allow_cpu(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, resource.RLIM_INFINITY))


def _send(line: socket.socket, pieces: Iterator[bytes]) -> None:
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        if len(buffer) > ENOUGH:
            line.sendall(buffer)
            buffer.clear()
    line.sendall(buffer)


def _answer(request: dict[str, Any], file: IO[bytes]) -> Iterator[bytes]:
    try:
        yield from _items(request, file)
        yield wire.last_line()
    except Refused as refused:
        yield wire.refusal_line(type(refused).__name__, str(refused))
    except MemoryError:
        yield wire.refusal_line(TooComplex.__name__, NO_MEMORY)


def _items(request: dict[str, Any], file: IO[bytes]) -> Iterator[bytes]:
    format_ = FORMATS[request["format"]] if request["format"] else detect(file)
    if format_ is None:
        raise NotOfFormat(UNKNOWN)
    yield wire.format_line(format_.name)
    names = {int(number): name for number, name in request["names"].items()} if request["names"] is not None else None
    picture = PictureSize(*request["picture"]) if request["picture"] else None
    file.seek(0)
    for item in format_.read(file, picture=picture, names=names, limits=Limits(*request["limits"])):
        yield from wire.lines_of(item)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
