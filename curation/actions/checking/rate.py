"""Read no faster than told, so that a check leaves the store to those who work with it."""

from __future__ import annotations

import time
from collections.abc import Callable

SLOWEST = 64 * 1024  # bytes per second: below that, stores cut the connection off while we wait


class Rate:
    """A bucket of tokens, one for each byte: it fills at `per_second`, and holds what one second brings."""

    def __init__(
        self,
        per_second: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.per_second = max(SLOWEST, per_second)
        self._clock, self._sleep = clock, sleep
        self._tokens = float(self.per_second)
        self._filled = clock()

    def take(self, size: int) -> None:
        """Account for `size` bytes that were read; wait until the debt is paid off, if there is one."""
        now = self._clock()
        self._tokens = min(self.per_second, self._tokens + (now - self._filled) * self.per_second)
        self._filled = now
        self._tokens -= size
        if self._tokens < 0:
            self._sleep(-self._tokens / self.per_second)
