"""Where a process dies on order. None of this is in the service: the rig's settings put it around its parts."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

PHASES = ("P0", "P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9")
COMMITTED = ("P7", "P8", "P9")  # from the commit on, what was sent is there


def order(folder: Path, phase: str) -> None:
    """The next process that comes to `phase` dies there."""
    (folder / phase).touch()


def order_pause(folder: Path, phase: str) -> None:
    """The next process that comes to `phase` waits there until `resume`."""
    (folder / phase).write_text("pause")


def wait_for_pause(folder: Path, phase: str) -> None:
    """Until a process waits at `phase`."""
    _wait_while((folder / phase).exists)


def paused_at(folder: Path, phase: str) -> int:
    """The process that waits at `phase`."""
    wait_for_pause(folder, phase)
    told = folder / f"{phase}.process"
    _wait_while(lambda: not told.exists() or not told.read_text())
    return int(told.read_text())


def resume(folder: Path, phase: str) -> None:
    (folder / f"{phase}.paused").unlink()
    (folder / f"{phase}.process").unlink(missing_ok=True)


def _wait_while(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while so():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


def withdraw(folder: Path, phase: str) -> None:
    """Nobody is to stop at `phase` any more, and who waits there goes on."""
    for name in (phase, f"{phase}.paused", f"{phase}.process"):
        (folder / name).unlink(missing_ok=True)


def is_used_up(folder: Path, phase: str) -> bool:
    return not (folder / phase).exists() and not (folder / f"{phase}.paused").exists()


def is_ordered(phase: str) -> bool:
    return (_folder() / phase).exists()


def point(phase: str) -> None:
    """Die here, by signal 9, or wait, when that was ordered; the order is used up by it."""
    taken = _folder() / f"{phase}.paused"
    try:
        (_folder() / phase).rename(taken)
    except FileNotFoundError:
        return
    if taken.read_text() == "pause":
        (_folder() / f"{phase}.process").write_text(str(os.getpid()))
        _wait_while(taken.exists)
        return
    taken.unlink()
    os.kill(os.getpid(), signal.SIGKILL)


def _folder() -> Path:
    return Path(os.environ["KILL_ORDERS"])
