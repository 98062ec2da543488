"""Rates as settings write them: `6000/min`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

SPELLING = re.compile(r"([1-9][0-9]{0,8})/(sec|min|hour|day)")
SECONDS = {"sec": 1, "min": 60, "hour": 3600, "day": 86_400}


@dataclass(frozen=True)
class Rate:
    most: int  # requests
    seconds: int  # of the window in which they are counted


@lru_cache(maxsize=32)
def parsed(text: str) -> Rate | None:
    """None for "": no limit. Raises ValueError for what is no rate."""
    if not text:
        return None
    found = SPELLING.fullmatch(text)
    if found is None:
        raise ValueError("A rate is written like 6000/min.")
    return Rate(int(found[1]), SECONDS[found[2]])
