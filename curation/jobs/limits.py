"""The wall limit of an attempt, kept from within; whoever watches the process keeps a harder one."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from curation.actions.working import Stopped

GRACE = 15  # seconds that a process may live on after its limit, before it is killed


class TimeUp(BaseException):
    """The attempt takes longer than its kind may. Not an Exception: an action must not take it for its own trouble."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"It took longer than {seconds} seconds.")


@contextmanager
def within(seconds: int, *, stopping: Callable[[], bool]) -> Iterator[None]:
    """Raise TimeUp inside after so many seconds, or Stopped when the process is to end by then.

    Only in the main thread of a process, where alarms arrive.
    """

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise Stopped if stopping() else TimeUp(seconds)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
