"""The old service wrote down times without saying of which zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from curation.actions.adopting.address import SourceRefused


@dataclass(frozen=True, slots=True)
class Moment:
    value: datetime | None  # in UTC; None when the text is no time
    doubtful: bool = False  # a clock that was set back showed it twice, or one that was set forward never


def zone(name: str) -> tzinfo:
    """Raises SourceRefused for a name that is none."""
    if name.upper() == "UTC":
        return UTC  # known without the system's tables
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SourceRefused("--source-timezone must be a name such as UTC or Europe/Paris.") from error


def moment(text: str | None, zone: tzinfo) -> Moment:
    """Read a time as the source shows it; one that says its own zone is believed."""
    try:
        found = datetime.fromisoformat(text or "")
        if found.tzinfo is not None:
            return Moment(found.astimezone(UTC))
        local = found.replace(tzinfo=zone)
        doubtful = local.utcoffset() != local.replace(fold=1).utcoffset()
        return Moment(local.astimezone(UTC), doubtful)
    except (ValueError, OverflowError):
        return Moment(None)
