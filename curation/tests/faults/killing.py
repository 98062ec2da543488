"""Where a process dies on order. None of this is in the service: the rig's settings put it around the service's parts."""

from __future__ import annotations

import os
import signal
from pathlib import Path

PHASES = ("P0", "P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9")
COMMITTED = ("P7", "P8", "P9")  # from the commit on, what was sent is there


def order(folder: Path, phase: str) -> None:
    """The next process that comes to `phase` dies there."""
    (folder / phase).touch()


def is_ordered(phase: str) -> bool:
    return (_folder() / phase).exists()


def point(phase: str) -> None:
    """Die here, by signal 9, when that was ordered; the order is used up by it."""
    try:
        (_folder() / phase).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def _folder() -> Path:
    return Path(os.environ["KILL_ORDERS"])
