from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle


class LinkThrottle(SimpleRateThrottle):
    """Links per access and minute (LINK_RATE): nobody copies the whole collection unnoticed.

    One number is counted per access and period of the clock. DRF's own keeps the time of each request, a list that
    grows to thousands and is read and written by every one of them.
    """

    scope = "links"
    num_requests: int  # both are read from LINK_RATE
    duration: int  # seconds

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"throttle:links:{request.user.pk}:{int(self.now // self.duration)}"

    def allow_request(self, request: Request, view: Any) -> bool:
        self.now = self.timer()
        key = self.get_cache_key(request, view)
        self.cache.add(key, 0, self.duration)
        try:
            return bool(self.cache.incr(key) <= self.num_requests)
        except ValueError:  # forgotten in between: the period has ended
            return True

    def wait(self) -> float:
        """Seconds to the next period."""
        return float(self.duration - self.now % self.duration)
