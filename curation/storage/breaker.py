"""A store that is out of order is not asked again and again: whoever needs it is told at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from curation.storage.errors import StoreError, StoreUnavailable, UploadGone

FAILURES = 5  # one after the other, then the breaker opens
PAUSE = 10.0  # seconds until one call may try whether the store is back


class Breaker:
    """Closed: calls go through. Open: they are refused, but for one each PAUSE; the first that succeeds closes it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._next_try = 0.0

    def admit(self) -> None:
        """Raises StoreUnavailable at once while the breaker is open."""
        with self._lock:
            if self._failures < FAILURES:
                return
            now = self._clock()
            if now < self._next_try:
                raise StoreUnavailable("The store does not answer.")
            self._next_try = now + PAUSE

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Learn from a call how the store is. What the store refuses on good grounds is an answer, too."""
        try:
            yield
        except UploadGone:
            self.works()
            raise
        except StoreUnavailable:
            self._failed()
            raise
        except StoreError:
            self.works()
            raise
        self.works()

    def works(self) -> None:
        """The store has answered."""
        with self._lock:
            self._failures = 0

    def _failed(self) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES:
                self._next_try = self._clock() + PAUSE
