"""gunicorn's threaded worker, with an end to its patience for clients that hardly send or hardly read.

A thread that waits for a client serves nobody else. Behind a proxy that buffers requests this never acts; it is for
servers that are reached directly.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

HEADER_SECONDS = 10.0  # from the first byte of a request to the end of its headers
BODY_SECONDS = 30.0  # of grace for a body, and then
BODY_RATE = 1024  # bytes per second on average
SEND_SECONDS = 30  # without the client taking a single byte of the answer


class TooSlow(ConnectionResetError):
    """The client sends slower than it may; from here on it is treated as one that hung up."""


class PacedSocket:
    """A client's connection whose recv() keeps to the pace; everything else is the socket's own."""

    def __init__(self, line: socket.socket, clock: Callable[[], float] = time.monotonic) -> None:
        self._line, self._clock = line, clock
        self._poll = select.poll()
        self._poll.register(line.fileno(), select.POLLIN)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        self.headers_begin()

    def headers_begin(self) -> None:
        self._since, self._seconds, self._received, self._in_body = self._clock(), HEADER_SECONDS, 0, False

    def body_begins(self) -> None:
        self._since, self._seconds, self._received, self._in_body = self._clock(), BODY_SECONDS, 0, True

    def recv(self, size: int) -> bytes:
        """What is there, at most `size` bytes. Raises TooSlow when nothing is, and the time is over.

        Bytes that are there already never are too late: it may be we who were slow to look.
        """
        left = self._since + self._seconds - self._clock()
        if self._in_body:
            left += self._received / BODY_RATE
        if not self._poll.poll(max(0.0, left) * 1000):
            raise TooSlow(errno.ECONNRESET, "The client sends too slowly.")
        data = self._line.recv(size)
        self._received += len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)


class PacedWorker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    def handle(self, conn: Any) -> Any:
        if isinstance(conn.sock, PacedSocket):
            conn.sock.headers_begin()
        else:
            conn.sock = PacedSocket(conn.sock)
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        conn.sock.body_begins()
        return super().handle_request(req, conn)
