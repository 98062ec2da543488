"""One line that moves, for whoever sits at a terminal."""

from __future__ import annotations

import time
from types import TracebackType

from django.core.management.base import OutputWrapper

EVERY = 0.2  # seconds


class Line:
    """Rewrites its line at most every EVERY seconds, and wipes it at the end; silent when nobody watches."""

    def __init__(self, stream: OutputWrapper) -> None:
        self.is_watched = stream.isatty()
        self._stream = stream
        self._next = 0.0

    def show(self, stage: str, count: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            self._write(f"{count} {stage}")

    def _write(self, text: str) -> None:
        self._stream.write(f"\r{text}\033[K", style_func=str, ending="")
        self._stream.flush()

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._next:
            self._write("")
