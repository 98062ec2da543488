"""How parent and child speak: a length, a JSON object, then the blobs whose lengths it names."""

import json
import os
import socket
import struct
import time
from typing import Any, Final

LENGTH: Final = struct.Struct(">I")
LONGEST_HEADER: Final = 256 * 1024  # bytes
LONGEST_BLOB: Final = 8 * 1024 * 1024  # a WebP of 1280 x 1280 pixels of noise has 1 MiB


class Broken(Exception):
    """The other side is gone, or says what it must not."""


def send(line: socket.socket, header: dict[str, Any], *blobs: bytes, file: int | None = None) -> None:
    """Send one message; `file` is a descriptor that the other side then has as well."""
    text = json.dumps(header | {"blobs": [len(blob) for blob in blobs]}).encode()
    length = LENGTH.pack(len(text))
    if file is None:
        line.sendall(length)
    else:
        socket.send_fds(line, [length], [file])
    line.sendall(b"".join([text, *blobs]))


def take(line: socket.socket) -> tuple[dict[str, Any], int] | None:
    """In the child: the next request with its open file; None when the parent has hung up."""
    length, files, _, _ = socket.recv_fds(line, LENGTH.size, 1)
    if not length:
        return None
    if len(length) != LENGTH.size or len(files) != 1:
        for file in files:
            os.close(file)
        raise Broken
    return json.loads(_exactly(line, LENGTH.unpack(length)[0])), files[0]


def answer(line: socket.socket, *, until: float) -> tuple[dict[str, Any], list[bytes]]:
    """In the parent: the answer, whose every length is bounded. until: on time.monotonic().

    Raises TimeoutError, Broken.
    """
    size = LENGTH.unpack(_exactly(line, LENGTH.size, until))[0]
    if size > LONGEST_HEADER:
        raise Broken
    try:
        header = json.loads(_exactly(line, size, until))
        sizes = [int(length) for length in header["blobs"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Broken from error
    if len(sizes) > 2 or not all(0 < length <= LONGEST_BLOB for length in sizes):
        raise Broken
    return header, [_exactly(line, length, until) for length in sizes]


def _exactly(line: socket.socket, size: int, until: float | None = None) -> bytes:
    pieces = bytearray()
    while len(pieces) < size:
        if until is not None:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            line.settimeout(left)
        try:
            piece = line.recv(min(size - len(pieces), 1 << 16))
        except ConnectionError as error:
            raise Broken from error
        if not piece:
            raise Broken
        pieces += piece
    return bytes(pieces)
