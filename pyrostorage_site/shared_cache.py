"""Counts in Redis: one operation a request, and never a request that waits for a Redis that is away.

Whoever is answered None was not counted, and goes on: see `accounts.rest.throttles`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

PAUSE = 5.0  # seconds that Redis is left alone after it failed


class Rest:
    """Which moment a server that failed may be asked again; shared by the threads of a process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until = float("-inf")

    def is_over(self) -> bool:
        return self._clock() >= self._until

    def begin(self) -> bool:
        """Rest for PAUSE seconds from now; whether that is news."""
        with self._lock:
            is_news = self.is_over()
            self._until = self._clock() + PAUSE
            return is_news

    def end(self) -> None:
        self._until = float("-inf")


resting = Rest()  # Django makes a cache object for each thread, the server is the same for all


class RedisCounts(RedisCache):
    """Counts that all processes and hosts share."""

    def count(self, keys: Mapping[str, int]) -> list[int] | None:
        """As LocalCounts.count(), in one round trip; None while Redis does not answer."""
        if not resting.is_over():
            return None
        try:
            return self._count_all(keys)
        except (RedisError, OSError) as error:
            if resting.begin():
                log.warning("Redis does not answer (%s); requests are not counted.", type(error).__name__)
            return None

    def _count_all(self, keys: Mapping[str, int]) -> list[int]:
        pipeline = self._cache.get_client(None, write=True).pipeline(transaction=False)
        for key, seconds in keys.items():
            full = self.make_and_validate_key(key)
            pipeline.incr(full)
            pipeline.expire(full, seconds)
        return [int(count) for count in pipeline.execute()[::2]]
