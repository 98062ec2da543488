"""The cache counts, and nothing else. Without Redis each process counts its own requests."""

from __future__ import annotations

from collections.abc import Mapping

from django.core.cache.backends.locmem import LocMemCache


class LocalCounts(LocMemCache):
    """Counts of this process alone."""

    def count(self, keys: Mapping[str, int]) -> list[int]:
        """Add one to each key (name -> seconds that it is kept after its first count); the new counts, in order."""
        return [self._count_one(key, seconds) for key, seconds in keys.items()]

    def _count_one(self, key: str, seconds: int) -> int:
        self.add(key, 0, seconds)
        try:
            return int(self.incr(key))
        except ValueError:  # it ended between the two lines: a new window
            return 1
