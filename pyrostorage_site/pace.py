"""gunicorn's threaded worker, with an end to its patience for clients that hardly send or hardly read.

A thread that waits for a client serves nobody else. Behind a proxy that buffers requests this never acts; it is for
servers that are reached directly.
"""

from __future__ import annotations

import errno
import select
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gunicorn.workers.gthread import _DEFER, ThreadWorker

GREETING_SECONDS = 0.01  # that a thread waits for the first byte on a new connection; then the worker's loop does
HEADER_SECONDS = 10.0  # from the first byte of a request to the end of its headers
BODY_SECONDS = 30.0  # of grace for a body, and then
BODY_RATE = 1024  # bytes per second on average
SEND_SECONDS = 30  # without the client taking a single byte of the answer
RETIRE = "pyrostorage.retire"  # in a request's environment: to be called when it met a lack of memory
BREATH = 0.1  # seconds until a worker that has no file descriptor left takes clients again


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

    def has_data(self, seconds: float) -> bool:
        """Whether something can be read, now or within `seconds`; needs no file descriptor of its own."""
        return bool(self._poll.poll(seconds * 1000))

    def recv(self, size: int) -> bytes:
        """What is there, at most `size` bytes. Raises TooSlow when nothing is, and the time is over.

        Bytes that are there already never are too late: it may be we who were slow to look.
        """
        left = self._since + self._seconds - self._clock()
        if self._in_body:
            left += self._received / BODY_RATE
        if not self.has_data(max(0.0, left)):
            raise TooSlow(errno.ECONNRESET, "The client sends too slowly.")
        data = self._line.recv(size)
        self._received += len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)


class PacedWorker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    def get_thread_pool(self) -> ThreadPoolExecutor:
        """All threads are there from the start: a process short of memory may wait for ever for a new one to begin,
        and then serves nobody."""
        pool: ThreadPoolExecutor = super().get_thread_pool()
        all_there = threading.Barrier(self.cfg.threads)
        for thread in [pool.submit(all_there.wait) for _ in range(self.cfg.threads)]:
            thread.result()
        return pool

    def load_wsgi(self) -> None:
        super().load_wsgi()
        application: Any = self.wsgi  # type: ignore[has-type]

        def with_a_way_out(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            environ[RETIRE] = self.retire
            return application(environ, start_response)

        self.wsgi = with_a_way_out

    def retire(self) -> None:
        """What broke without a word when memory ran out ends with this process; requests under way are finished."""
        if self.alive:
            self.log.warning("Memory ran out; this worker finishes what it has begun and is replaced.")
            self.handle_exit(signal.SIGTERM, None)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        if isinstance(exc, MemoryError):
            self.retire()
        super().handle_error(req, client, addr, exc)

    def accept(self, listener: Any) -> None:
        """Without a file descriptor left, let clients wait in the queue; gunicorn's own worker would end,
        and every upload under way with it."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in {errno.EMFILE, errno.ENFILE}:
                raise
            self.log.warning("No file descriptor is left; new clients wait.")
            time.sleep(BREATH)

    def handle(self, conn: Any) -> Any:
        if isinstance(conn.sock, PacedSocket):
            conn.sock.headers_begin()
        else:
            conn.sock = PacedSocket(conn.sock)
        if not conn.initialized and not conn.data_ready:
            # gunicorn would hold this thread for 5 s: a few silent clients, and nobody is served. A worker that
            # is to end drops whom it defers, so it waits a little for clients that are about to speak.
            conn.data_ready = conn.sock.has_data(GREETING_SECONDS if self.alive else 1.0)
            if not conn.data_ready:
                return _DEFER
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        conn.sock.body_begins()
        return super().handle_request(req, conn)
