"""A bulkhead: a store that hangs may hold some threads of a process, never all of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings

from curation.storage.errors import StoreUnavailable

PATIENCE = 1.0  # seconds to wait for a place


class Slots:
    """At most `count` threads at a time; the others wait a moment and are then sent away."""

    def __init__(self, count: int, patience: float = PATIENCE) -> None:
        self._free = threading.BoundedSemaphore(count)
        self._patience = patience

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold one place. Not to be nested: a thread that holds one may wait in vain for a second.

        Raises StoreUnavailable when none becomes free in time.
        """
        if not self._free.acquire(timeout=self._patience):
            raise StoreUnavailable("The store is busy; try again in a moment.")
        try:
            yield
        finally:
            self._free.release()


@cache
def shared() -> Slots:
    """The places of this process, STORE_SLOTS of them."""
    return Slots(settings.STORE_SLOTS)
