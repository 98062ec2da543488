"""Signed links to a local folder's objects, which expire as presigned S3 links do.

    {PUBLIC_URL}/files/<key>?expires=<unix time>&type=<content type>&name=<file name>&signature=<hex>
    {PUBLIC_URL}/incoming/<name>?expires=<unix time>&size=<bytes>&sha256=<hex or empty>&signature=<hex>    (for a PUT)

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
SALT_OF_PUTS = "curation.storage.links.put"  # so that a link to read can never be one to write
MARK = "&signature="


@dataclass(frozen=True)
class Link:
    """What a valid link promises."""

    name: str  # to save the file under
    content_type: str
    expires: int  # unix time, seconds


@dataclass(frozen=True)
class PutPromise:
    """What a valid link for a PUT allows."""

    size: int  # bytes, exactly
    sha256: str  # of these bytes; "" = any
    expires: int  # unix time, seconds


def sign(key: str, *, seconds: int, name: str, content_type: str, now: float | None = None) -> str:
    """Path and query of a link to `key` that works for `seconds` (1 to 3600) from `now`."""
    query = {"type": content_type, "name": name}
    return f"/files/{key}?{_signed(key, query, seconds=seconds, now=now, salt=SALT)}"


def sign_put(key: str, *, size: int, sha256: str, seconds: int, now: float | None = None) -> str:
    """Path and query of a link by which `key` (of incoming/) may be written, for `seconds` from `now`."""
    query = {"size": str(size), "sha256": sha256}
    return f"/{key}?{_signed(key, query, seconds=seconds, now=now, salt=SALT_OF_PUTS)}"


def _signed(key: str, fields: dict[str, str], *, seconds: int, now: float | None, salt: str) -> str:
    if not 1 <= seconds <= LONGEST:
        raise ValueError(f"A link lives from 1 to {LONGEST} seconds.")
    expires = int((time.time() if now is None else now) + seconds)
    query = urlencode({"expires": expires, **fields}, quote_via=quote, safe="")
    return f"{query}{MARK}{_signature(key, query, settings.SECRET_KEY, salt)}"


def verify(key: str, query: str, *, now: float | None = None) -> Link:
    """What the link to `key` with this raw query string promises. Raises LinkRefused."""
    fields, expires = _checked(key, query, now=now, salt=SALT)
    return Link(name=fields["name"], content_type=fields["type"], expires=expires)


def verify_put(key: str, query: str, *, now: float | None = None) -> PutPromise:
    """What the link to write `key` with this raw query string allows. Raises LinkRefused."""
    fields, expires = _checked(key, query, now=now, salt=SALT_OF_PUTS)
    return PutPromise(size=int(fields["size"]), sha256=fields["sha256"], expires=expires)


def _checked(key: str, query: str, *, now: float | None, salt: str) -> tuple[dict[str, str], int]:
    """The fields and the end of a link that is valid. Raises LinkRefused."""
    signed, _, signature = query.rpartition(MARK)
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    matches = [constant_time_compare(signature, _signature(key, signed, secret, salt)) for secret in secrets]
    if not any(matches):
        raise LinkRefused("This link is not valid.")
    fields = dict(parse_qsl(signed, keep_blank_values=True))
    expires = int(fields["expires"])
    if not 0 < expires - (time.time() if now is None else now) <= LONGEST + SKEW:
        raise LinkRefused("This link has expired.")
    return fields, expires


def _signature(key: str, query: str, secret: str | bytes, salt: str) -> str:
    return salted_hmac(salt, f"{key}?{query}", secret=secret, algorithm="sha256").hexdigest()
