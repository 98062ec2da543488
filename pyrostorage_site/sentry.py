"""Reports of bugs to Sentry: no personal data, no header that opens anything, no signed query."""

from __future__ import annotations

from typing import Any

import sentry_sdk
from sentry_sdk.types import Event, Hint

from pyrostorage_site.logs import without_secrets

KEPT_HEADERS = {"accept", "content-length", "content-type", "host", "user-agent"}


def start(dsn: str, *, server_name: str, release: str) -> None:
    sentry_sdk.init(
        dsn=dsn,
        server_name=server_name or None,
        release=release,
        send_default_pii=False,
        traces_sample_rate=0.0,
        max_request_body_size="never",
        include_local_variables=False,
        before_send=scrub,
        before_breadcrumb=scrub_breadcrumb,
    )


def scrub(event: Event, hint: Hint) -> Event | None:
    """Take everything out of an event that identifies a person or opens a door."""
    request: Any = event.get("request")
    if isinstance(request, dict):
        headers = request.get("headers", {})
        request["headers"] = {name: value for name, value in headers.items() if name.lower() in KEPT_HEADERS}
        for part in ("query_string", "cookies", "data", "env"):
            request.pop(part, None)
    event.pop("user", None)
    cleaned: Event = _clean(event)
    return cleaned


def scrub_breadcrumb(crumb: dict[str, Any], hint: Hint) -> dict[str, Any] | None:
    cleaned: dict[str, Any] = _clean(crumb)
    return cleaned


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value
