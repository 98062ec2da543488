"""Real threads that begin at the same moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connections

from accounts.refusals import Busy, Refusal

Result = TypeVar("Result")


def together(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run `acts` at once, each in a thread with a connection of its own; a refusal is a result, all else is raised."""
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        try:
            barrier.wait(30)
            return act()
        except Refusal as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(run, act) for act in acts]]


def patiently(act: Callable[[], Result], *, patience: float = 30.0) -> Result:
    """Try again while the answer is 503, as a client does."""
    end = time.monotonic() + patience
    while True:
        try:
            return act()
        except Busy:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
