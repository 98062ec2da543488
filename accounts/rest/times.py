from __future__ import annotations

from datetime import UTC, datetime
from typing import overload


@overload
def moment(at: datetime) -> str: ...
@overload
def moment(at: None) -> None: ...
def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC with microseconds, always six digits, and `Z`: `2026-11-22T10:00:37.868371Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if at else None
