"""Where a test's turn to run a job comes."""

from __future__ import annotations

from typing import Any

from curation.jobs.handlers import HANDLERS


def act(kind: str, attempt: Any) -> None:
    """Run the action of a job in this process; `make hosts` leaves it to the workers of its hosts."""
    HANDLERS[kind].action(attempt)
