"""A TCP proxy that misbehaves as told: between the service and its store, or its database."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass

PIECE = 16 * 1024  # bytes forwarded at a time
HTTP = re.compile(rb"[A-Z]+ \S+ HTTP/1\.1\r\n")
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


@dataclass
class Rules:
    """What the proxy does at this moment; as it is made, it only forwards."""

    hang: bool = False  # takes connections and bytes, passes nothing on until healed
    delay: float = 0.0  # seconds before each piece, either way
    cut_after: int | None = None  # bytes towards the server, over all connections; then everything is reset
    at_cut: Callable[[], None] | None = None  # called just before that cut, instead of it when given
    swallow: bytes = b""  # after these bytes went to the server, its answer is lost and the line cut, once
    cut_at_piece: int | None = None  # the n-th piece towards the server, over all connections, is lost with its line
    wrong: Callable[[bytes], bytes] | None = None  # asked with the head of each HTTP request: an answer instead, or b""
    deaf_before: int = 0  # connections up to this number pass nothing on any more, and nobody is told


class FaultProxy:
    """Listens on 127.0.0.1 at `port` and forwards to `target`; thread-safe to steer."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.rules = Rules()
        self.connections = 0  # made so far
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._thread.start()
        self.port = 0
        self._server: asyncio.Server | None = None
        self.accept()

    # --- Steering ----------------------------------------------------------------------------------

    def heal(self) -> None:
        """Forward everything again, on old lines and new ones."""
        self.rules = Rules()
        self.accept()

    def accept(self) -> None:
        """Listen; harmless when it does already."""
        self._run(self._listen())

    def refuse(self) -> None:
        """Refuse new connections and reset the open ones, as a server that is gone."""
        self._run(self._refuse())

    def close(self) -> None:
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _run(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)  # type: ignore[arg-type]

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._reset_all()
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.sleep(0)

    def _reset_all(self) -> None:
        for writer in list(self._open):
            line = writer.get_extra_info("socket")
            if line is not None and line.fileno() >= 0:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()

    # --- Forwarding --------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        line = _Line(self.connections, writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, far_writer}
        try:
            up = self._pump(reader, far_writer, line, upward=True)
            down = self._pump(far_reader, writer, line, upward=False)
            await asyncio.gather(up, down)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._open -= {writer, far_writer}
            writer.transport.abort()
            far_writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: _Line, *, upward: bool
    ) -> None:
        while data := await reader.read(PIECE):
            while self.rules.hang or line.number <= self.rules.deaf_before:
                await asyncio.sleep(0.02)
            if self.rules.delay:
                await asyncio.sleep(self.rules.delay)
            if upward and (answer := self._wrong_answer(data)):
                await self._answer_instead(data, reader, line, answer)
                raise ConnectionResetError
            if not (self._up(data, line) if upward else not line.is_deaf):
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    def _up(self, data: bytes, line: _Line) -> bool:
        """Whether `data` goes on to the server."""
        rules = self.rules
        if rules.swallow and rules.swallow in data:
            rules.swallow, line.is_deaf = b"", True
        if rules.cut_at_piece is not None:
            rules.cut_at_piece -= 1
            if rules.cut_at_piece == 0:
                return False
        if rules.cut_after is None:
            return True
        rules.cut_after -= len(data)
        if rules.cut_after >= 0:
            return True
        rules.cut_after = None
        at_cut, rules.at_cut = rules.at_cut, None
        if at_cut is None:
            return False
        at_cut()
        return True

    def _wrong_answer(self, data: bytes) -> bytes:
        is_request = HTTP.match(data) is not None
        return self.rules.wrong(data) if self.rules.wrong and is_request else b""

    async def _answer_instead(self, head: bytes, reader: asyncio.StreamReader, line: _Line, answer: bytes) -> None:
        """Take the whole request from the client, as a server does that then refuses it."""
        found = LENGTH.search(head)
        missing = int(found[1]) - len(head.partition(b"\r\n\r\n")[2]) if found else 0
        if b"100-continue" in head.lower():
            line.client.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while missing > 0 and (data := await reader.read(PIECE)):
            missing -= len(data)
        line.client.write(answer)
        await line.client.drain()
        line.client.close()
        await line.client.wait_closed()


@dataclass
class _Line:
    """One connection: its number, its client, whether its answers are being lost."""

    number: int
    client: asyncio.StreamWriter
    is_deaf: bool = False


def refusal(status: str, code: str) -> bytes:
    """An S3 store's answer, such as refusal("503 Slow Down", "SlowDown")."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body
