"""AWS Signature Version 4, in the query string (a presigned address) or in headers. Pure.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html and
sig-v4-header-based-auth.html (read 2026-11). boto3 makes the same signatures (tests compare them to the letter) and
takes ten times longer, which is most of what a link, or a small upload, costs.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose key signs, for which address (`https://host[:port]`, without a path)."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str

    def presign(
        self,
        method: str,
        path: str,
        *,
        now: datetime,
        seconds: int,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """An address that may be asked by `method` for `seconds` from `now` (UTC).

        path: `/bucket/key`, not escaped. headers: lower-case names and the values that the caller must send too.
        """
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        scope = self._scope(stamp)
        signed = {"host": urlsplit(self.endpoint).netloc, **(headers or {})}
        names = ";".join(sorted(signed))
        asked = _query(
            {
                **(query or {}),
                "X-Amz-Algorithm": ALGORITHM,
                "X-Amz-Credential": f"{self.access_key}/{scope}",
                "X-Amz-Date": stamp,
                "X-Amz-Expires": str(seconds),
                "X-Amz-SignedHeaders": names,
            }
        )
        signature = self._signature(f"{method}\n{quote(path)}\n{asked}", signed, stamp)
        return f"{self.endpoint}{quote(path)}?{asked}&X-Amz-Signature={signature}"

    def authorized(self, method: str, path: str, *, now: datetime, headers: Mapping[str, str]) -> dict[str, str]:
        """`headers` (lower-case names), with those that sign a request without query, whose body is not signed."""
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        sent = {**headers, "x-amz-content-sha256": UNSIGNED, "x-amz-date": stamp}
        signed = {"host": urlsplit(self.endpoint).netloc, **sent}
        signature = self._signature(f"{method}\n{quote(path)}\n", signed, stamp)
        credential = f"{self.access_key}/{self._scope(stamp)}"
        names = ";".join(sorted(signed))
        sent["authorization"] = f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
        return sent

    def _scope(self, stamp: str) -> str:
        return f"{stamp[:8]}/{self.region}/s3/aws4_request"

    def _signature(self, asked: str, signed: Mapping[str, str], stamp: str) -> str:
        """asked: method, path and query, a line each. signed: the headers that count."""
        names = sorted(signed)
        lines = "".join(f"{name}:{signed[name].strip()}\n" for name in names)
        request = f"{asked}\n{lines}\n{';'.join(names)}\n{UNSIGNED}"
        text = f"{ALGORITHM}\n{stamp}\n{self._scope(stamp)}\n{hashlib.sha256(request.encode()).hexdigest()}"
        return hmac.new(_key(self.secret_key, stamp[:8], self.region), text.encode(), "sha256").hexdigest()


def _query(parameters: Mapping[str, str]) -> str:
    """Sorted by name, escaped as the signature wants it."""
    return "&".join(f"{quote(name, safe='')}={quote(parameters[name], safe='')}" for name in sorted(parameters))


@lru_cache(maxsize=8)
def _key(secret_key: str, day: str, region: str) -> bytes:
    """The key of a day: four HMACs, the same for every request of that day."""
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return key
