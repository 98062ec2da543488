"""What people write on a command line: amounts of bytes, shares, moments."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from django.utils import timezone

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
LAST = datetime.min.replace(tzinfo=UTC)  # stands for what only the caller knows
AGES = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def amount(text: str) -> int:
    """Bytes: 500000, 500k, 10M, 2.5G, 1T, in powers of ten."""
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,3})?)([kmgt]?)b?", text.strip().lower())
    if match is None or not (size := int(Fraction(match[1]) * UNITS[match[2]])):
        raise ArgumentTypeError("an amount of bytes is written like 500k, 10M or 2G")
    return size


def share(text: str) -> Fraction:
    """A part of the whole: 1/30."""
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if match is None or not 0 < int(match[1]) <= int(match[2]):
        raise ArgumentTypeError("a share is written like 1/30, and is at most 1/1")
    return Fraction(int(match[1]), int(match[2]))


def moment(text: str) -> datetime:
    """now, a date, a time (UTC unless it says otherwise), an age such as 7d or 12h, or last (LAST)."""
    word = text.strip()
    if word == "last":
        return LAST
    if word == "now":
        return timezone.now()
    if age := re.fullmatch(r"(\d{1,5})([mhdw])", word):
        return timezone.now() - timedelta(**{AGES[age[2]]: int(age[1])})
    return _written(word)


def _written(word: str) -> datetime:
    try:
        at = datetime.fromisoformat(word)
    except ValueError:
        raise ArgumentTypeError("write now, last, 2026-07-14, 2026-07-14T15:42:10, 7d or 12h") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
