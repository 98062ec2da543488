"""A TCP proxy that misbehaves as told: between the service and its store, or its database."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass

PIECE = 16 * 1024  # bytes forwarded at a time
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


@dataclass
class Rules:
    """What the proxy does at this moment; as it is made, it only forwards."""

    hang: bool = False  # takes connections and bytes, passes nothing on until healed
    delay: float = 0.0  # seconds before each piece, either way
    cut_after: int | None = None  # bytes towards the server, over all connections; then everything is reset
    at_cut: Callable[[], None] | None = None  # called just before that cut, instead of it when given
    swallow: bytes = b""  # after these bytes went to the server, its answer is lost and the line cut, once


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
        line = _Line()
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
            while self.rules.hang:
                await asyncio.sleep(0.02)
            if self.rules.delay:
                await asyncio.sleep(self.rules.delay)
            if not (self._up(data, line) if upward else self._down(line)):
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
        if rules.cut_after is None:
            return True
        rules.cut_after -= len(data)
        if rules.cut_after >= 0:
            return True
        rules.cut_after = None
        if rules.at_cut is None:
            return False
        rules.at_cut()
        return True

    def _down(self, line: _Line) -> bool:
        return not line.is_deaf


@dataclass
class _Line:
    """One connection: whether its answers are being lost."""

    is_deaf: bool = False
