"""How often an access may ask, whatever its tokens.

Counted in fixed windows of the clock, so that one operation of the cache is enough: around the end of a
window, twice the rate may pass. While the cache is away nobody is counted, and nobody waits for it;
failed logins do not depend on it, they are counted in the database (`accounts.lockout`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.models import Access
from accounts.rates import Rate, parsed

Counter = Callable[[Mapping[str, int]], list[int] | None]  # see pyrostorage_site.cache and shared_cache


class Rates(BaseThrottle):
    """The rate of the scope; and of what a view names in `counted_as` (action -> name in settings.RATES)."""

    def __init__(self) -> None:
        self._seconds_left = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        if not isinstance(request.user, Access):
            return True  # the login, which has counts of its own
        now = time.time()
        rates = _rates(request.user, view)
        if not rates:
            return True
        count: Counter = cache.count  # type: ignore[attr-defined] # both of our caches have it
        counts = count({_key(request.user, name, rate, now): rate.seconds for name, rate in rates.items()})
        for rate, counted in zip(rates.values(), counts or (), strict=bool(counts)):
            if counted > rate.most:
                self._seconds_left = max(self._seconds_left, rate.seconds - now % rate.seconds)
        return not self._seconds_left

    def wait(self) -> float:
        """Seconds until the window ends."""
        return self._seconds_left


def _rates(access: Access, view: Any) -> dict[str, Rate]:
    names = [access.scope]
    if name := getattr(view, "counted_as", {}).get(getattr(view, "action", None)):
        names.append(name)
    rates = {name: parsed(settings.RATES[name]) for name in names}
    return {name: rate for name, rate in rates.items() if rate is not None}


def _key(access: Access, name: str, rate: Rate, now: float) -> str:
    return f"rate:{name}:{access.pk}:{int(now // rate.seconds)}"
