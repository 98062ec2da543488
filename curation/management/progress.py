"""One line that moves, for whoever sits at a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from django.core.management.base import CommandError, OutputWrapper
from django.db import Error

from accounts.refusals import Busy, Full, Refusal
from curation.actions.importing.run import Progress, no_progress

EVERY = 0.2  # seconds
AGAIN = "What was done is whole; run the command again to go on."


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


@contextmanager
def watched(
    stderr: OutputWrapper, *, left: str = AGAIN, told_after: tuple[type[Refusal], ...] = (Busy, Full)
) -> Iterator[Progress]:
    """Yields who shows how far it is; what ends the work early is one sentence, and exit code 2.

    left: what state that leaves, for a person; said after these refusals, and after what is none.
    """
    with Line(stderr) as line:
        try:
            yield line.show if line.is_watched else no_progress
        except Refusal as refusal:
            hint = f" {left}" if isinstance(refusal, told_after) else ""
            raise CommandError(f"{refusal}{hint}", returncode=2) from refusal
        except Error as error:
            raise CommandError(f"The database does not answer. {left}", returncode=2) from error
        except KeyboardInterrupt as error:
            raise CommandError(f"Interrupted. {left}", returncode=2) from error
