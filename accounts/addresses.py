"""The address of who is asking, as far as it can be believed."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from django.conf import settings
from django.http.request import HttpRequest

UNKNOWN = "0.0.0.0"  # noqa: S104  # a unix socket has no peer address


def client_address(request: HttpRequest) -> str:
    """The nearest address in X-Forwarded-For that is not one of TRUSTED_PROXIES.

    The header counts only when the peer itself is a trusted proxy, and is read from the right: what stands
    further left was written by whoever wanted to.
    """
    address = _parsed(request.META.get("REMOTE_ADDR", ""))
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "")[-2000:].split(",")
    while address is not None and _is_trusted(address) and hops:
        further = _parsed(hops.pop())
        if further is None:
            break
        address = further
    return str(address) if address else UNKNOWN


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None


def _is_trusted(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)
