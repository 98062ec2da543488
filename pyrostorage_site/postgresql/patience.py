"""A database server that hangs may hold some threads of a process, never all of them, and none for long.

The server's own limits (statement_timeout, lock_timeout) end what a living server takes too long for. One that
hangs, or sits behind a line that went dead, ends nothing: then the connection is cut on this side.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import weakref
from contextlib import suppress
from types import TracebackType
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.db.utils import DatabaseErrorWrapper

log = logging.getLogger(__name__)

LONGEST = settings.DATABASE_SECONDS + 3.0  # of one call: a little more than statement_timeout
ROUND = 1.0  # seconds between two looks at the calls under way
PATIENCE = 1.0  # seconds to wait for a place


class Call(DatabaseErrorWrapper):
    """Django's wrapper around every call of one connection; here it also keeps the time of the call.

    A call outside a transaction needs one of DATABASE_SLOTS places. Inside, it has none to wait for: whoever
    holds row locks must get through to its commit.
    """

    wrapper: Any  # the connection's, as Django keeps it

    def __init__(self, wrapper: Any) -> None:
        super().__init__(wrapper)
        self.since: float | None = None
        self._depth = 0
        self._has_place = False
        _calls.add(self)

    def __enter__(self) -> None:
        if self._depth == 0:
            if not self.wrapper.in_atomic_block:
                _take_place()
                self._has_place = True
            self.since = time.monotonic()
        self._depth += 1
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            self.since = None
            if self._has_place:
                self._has_place = False
                _places.release()
        super().__exit__(kind, error, trace)

    def cut(self) -> None:
        """End the call from another thread: its thread finds the connection closed."""
        connection = self.wrapper.connection
        if connection is None:  # being made; connect_timeout ends that
            return
        log.error("The database did not answer in time; the connection was cut.")
        _last_cut.at = time.monotonic()
        with suppress(OSError, self.wrapper.Database.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


_calls: weakref.WeakSet[Call] = weakref.WeakSet()  # one for each connection of the process
_places = threading.BoundedSemaphore(settings.DATABASE_SLOTS)


class _LastCut:
    at = float("-inf")


_last_cut = _LastCut()


def is_suspect(made: float) -> bool:
    """Whether a connection made at that moment (time.monotonic) may be as dead as one that was cut since."""
    return made <= _last_cut.at


def _take_place() -> None:
    if not _places.acquire(timeout=PATIENCE):
        raise OperationalError("Too many calls wait for the database.")


def watch() -> None:
    """Begin to look at all calls of this process now and then. For processes that serve requests: a migration may
    take as long as it takes."""
    threading.Thread(target=_look_again_and_again, name="database-watch", daemon=True).start()


def _look_again_and_again() -> None:
    while True:
        time.sleep(ROUND)
        for call in list(_calls):
            since = call.since
            if since is not None and time.monotonic() - since > LONGEST:
                call.cut()
