"""One collector at a time, on any number of hosts."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import Error, connection

from accounts.refusals import Conflict

LOCK = 7_067_072_112  # any number, the same on every host
ANOTHER = "Another collector is at work, or a backup; this one did nothing."
PAUSE = 1.0  # seconds; whoever was away for longer looks whether the lock is still there


class NotAlone(Conflict):
    """Another collector is at work, or a backup."""


@contextmanager
def one_collector(refusal: str = ANOTHER) -> Iterator[Callable[[], None]]:
    """Be the only collector; yields a function that raises NotAlone when that is over.

    refusal: what NotAlone says. A backup takes the lock too, so that nothing is collected while it copies.

    The lock outlives every pause of the process: on PostgreSQL it belongs to a connection of its own, which no
    transaction ends, otherwise to an open file. Raises NotAlone at once when somebody else has it.
    """
    with _by_connection(refusal) if connection.vendor == "postgresql" else _by_file(refusal) as still:
        yield still


@contextmanager
def _by_connection(refusal: str) -> Iterator[Callable[[], None]]:
    own = connection.copy()
    try:
        with own.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            if cursor.fetchone() != (True,):
                raise NotAlone(refusal)
            yield _Watch(lambda: cursor.execute("SELECT 1"))
            # Closing would do, but the server hears of that a moment later; after an error that is soon enough.
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    finally:
        own.close()


class _Watch:
    """Asks whether the session still lives, but only after a pause: another host may have taken over meanwhile."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self._asked = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._asked < PAUSE:
            return
        try:
            self._ask()
        except Error as error:
            raise NotAlone("The database ended the collector's lock, which was held here; this one stopped.") from error
        self._asked = time.monotonic()


@contextmanager
def _by_file(refusal: str) -> Iterator[Callable[[], None]]:
    path = Path(settings.DATA_DIR) / "run" / "collector.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise NotAlone(refusal) from error
        yield _for_ever


def _for_ever() -> None:
    """A lock on an open file ends with its process alone."""
