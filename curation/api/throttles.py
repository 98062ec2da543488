from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle


class LinkThrottle(SimpleRateThrottle):
    """Links per access and minute (LINK_RATE): nobody copies the whole collection unnoticed."""

    scope = "links"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"throttle:links:{request.user.pk}"
