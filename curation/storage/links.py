"""Signed links to a local folder's objects, which expire as presigned S3 links do.

    {PUBLIC_URL}/files/<key>?expires=<unix time>&type=<content type>&name=<file name>&signature=<hex>

The signature covers the key and every byte of the query before it, so nothing can be altered, added,
repeated or moved. Its key is derived from SECRET_KEY; SECRET_KEY_FALLBACKS still open older links.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from curation.storage.errors import LinkRefused

LONGEST = 3600  # seconds that a link may live
SKEW = 60  # seconds that the clock may be set back before young links are refused
SALT = "curation.storage.links"
MARK = "&signature="


@dataclass(frozen=True)
class Link:
    """What a valid link promises."""

    name: str  # to save the file under
    content_type: str
    expires: int  # unix time, seconds


def sign(key: str, *, seconds: int, name: str, content_type: str, now: float | None = None) -> str:
    """Path and query of a link to `key` that works for `seconds` (1 to 3600) from `now`."""
    if not 1 <= seconds <= LONGEST:
        raise ValueError(f"A link lives from 1 to {LONGEST} seconds.")
    expires = int((time.time() if now is None else now) + seconds)
    query = urlencode({"expires": expires, "type": content_type, "name": name}, quote_via=quote, safe="")
    return f"/files/{key}?{query}{MARK}{_signature(key, query, settings.SECRET_KEY)}"


def verify(key: str, query: str, *, now: float | None = None) -> Link:
    """What the link to `key` with this raw query string promises. Raises LinkRefused."""
    signed, _, signature = query.rpartition(MARK)
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    matches = [constant_time_compare(signature, _signature(key, signed, secret)) for secret in secrets]
    if not any(matches):
        raise LinkRefused("This link is not valid.")
    fields = dict(parse_qsl(signed, keep_blank_values=True))
    link = Link(name=fields["name"], content_type=fields["type"], expires=int(fields["expires"]))
    rest = link.expires - (time.time() if now is None else now)
    if not 0 < rest <= LONGEST + SKEW:
        raise LinkRefused("This link has expired.")
    return link


def _signature(key: str, query: str, secret: str | bytes) -> str:
    return salted_hmac(SALT, f"{key}?{query}", secret=secret, algorithm="sha256").hexdigest()
