"""Steps so small that a few media are many of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from curation.actions.duplicates import comparing, planning, settling


def in_small_steps(put: Callable[[Any, str, int], None]) -> None:
    """put: as setattr."""
    for module, name, size in (
        (planning, "STEP", 20),
        (planning, "PART", 30),
        (comparing, "PART", 30),
        (comparing, "BATCH", 10),
        (comparing, "TIMES", 7),
        (settling, "PAGE", 15),
    ):
        put(module, name, size)
