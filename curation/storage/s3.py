"""How an S3 store is asked, and what its answers mean: clients with limits, and our errors for its codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from curation.storage.errors import ChecksumRefused, DiskFull, ObjectMissing, StoreError, StoreUnavailable, UploadGone

# When the store hangs, three reads, the second that each PUT waits for "100 Continue", and the pauses
# between tries (up to 1 and 2 s) stay within 30 s.
TRIES, CONNECT_SECONDS, READ_SECONDS = 3, 3, 8
ERROR_CODE = re.compile(rb"<Code>(\w+)</Code>")
CLIENT = Config(
    signature_version="s3v4",
    s3={"addressing_style": "path"},
    # We send the checksums that we mean; the newer defaults break many S3-compatible stores.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": TRIES},
    max_pool_connections=16,
)


class Unexplained404(StoreUnavailable):
    """Something is not there, and the answer does not say what: a HEAD, or no S3 store at all."""


ALTERED = (ChecksumRefused, "The bytes that reached the store are not those that were sent.")
FULL = (DiskFull, "The store is full.")
UNEXPLAINED = (Unexplained404, "The store does not work as it should.")
MEANINGS: dict[str, tuple[type[StoreError], str]] = {  # S3 error code -> what we raise
    "NoSuchKey": (ObjectMissing, "The object is not in the store."),
    "404": UNEXPLAINED,
    "NotFound": UNEXPLAINED,
    "NoSuchBucket": (StoreUnavailable, "The bucket does not exist."),
    "NoSuchUpload": (UploadGone, "The upload was ended by somebody else."),
    "BadDigest": ALTERED,
    "InvalidDigest": ALTERED,
    "XAmzContentChecksumMismatch": ALTERED,
    "XAmzContentSHA256Mismatch": ALTERED,
    "InsufficientStorage": FULL,
    "QuotaExceeded": FULL,
    "XMinioStorageFull": FULL,
    "XMinioAdminBucketQuotaExceeded": FULL,
}


@contextmanager
def answers() -> Iterator[None]:
    """The one place where what botocore raises becomes what we raise."""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise meaning(error_code(error), status) from error
    except (BotoCoreError, HTTPError, ConnectionError, TimeoutError) as error:
        raise StoreUnavailable("The store does not answer.") from error


def meaning(code: str, status: int) -> StoreError:
    """Only a definite "no such key" is an absent object; everything unknown is an outage."""
    if code in MEANINGS:
        kind, sentence = MEANINGS[code]
        return kind(sentence)
    if status == 507:
        return DiskFull("The store is full.")
    if status == 403:
        return StoreUnavailable("The store refuses this service.")
    return StoreUnavailable("The store does not work as it should.")


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def connection_pool(endpoint: str, verify: bool | str | None, config: Config) -> urllib3.HTTPConnectionPool:
    """Connections kept for single PUTs to `endpoint`, with the limits of `config`. Never unverified unless told so."""
    trust: dict[str, Any] = {}
    if endpoint.startswith("https:"):
        trust = {"cert_reqs": "CERT_NONE" if verify is False else "CERT_REQUIRED"}
        trust |= {"ca_certs": verify} if isinstance(verify, str) else {}
    tries = urllib3.Retry(
        total=TRIES - 1,
        redirect=0,
        allowed_methods=None,
        status_forcelist=(429, 500, 502, 503, 504),
        backoff_factor=0.5,
        backoff_jitter=0.5,
        backoff_max=2,
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    limits: Any = config  # its stubs do not tell its options
    wait = urllib3.Timeout(connect=limits.connect_timeout, read=limits.read_timeout)
    return urllib3.connection_from_url(endpoint, maxsize=16, retries=tries, timeout=wait, **trust)
