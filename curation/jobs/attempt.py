"""One attempt at one job that this process has claimed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any

from django.db import Error, close_old_connections, connection

from accounts.refusals import Busy, Refusal
from curation.actions import leases
from curation.actions.working import Stopped
from curation.jobs.handlers import Handler
from curation.jobs.limits import TimeUp, within
from curation.models import Job

log = logging.getLogger(__name__)

PROGRESS_EVERY = 2.0  # seconds between two notes of progress in the row
HEARTBEAT = 15.0  # seconds between two renewals of a lease, whatever the action does


def never() -> bool:
    """For whoever is not told to stop."""
    return False


class Attempt:
    """The `Work` that an action is handed."""

    def __init__(self, job: Job, stopping: Callable[[], bool] = never) -> None:
        self.job = job
        self.payload: dict[str, Any] = job.payload
        self.is_lost = False
        self._stopping = stopping
        self._noted = time.monotonic()
        self._done = 0
        self._total: int | None = None

    def progress(self, done: int, total: int | None = None) -> None:
        self._done = done
        self._total = self._total if total is None else total
        if self.is_lost or self._stopping():
            raise Stopped
        if time.monotonic() - self._noted >= PROGRESS_EVERY:
            self._noted = time.monotonic()
            self.renew()
            if self.is_lost:
                raise Stopped

    def renew(self) -> None:
        """Hold on to the lease, and write down how far it is."""
        self.is_lost = not leases.renew(self.job, **self.so_far())

    def so_far(self) -> dict[str, int | None]:
        done, total = max(0, self._done), self._total
        return {"done": done, "total": total if total is None else max(done, total)}


class Heart:
    """Renews the lease from a thread of its own as long as the attempt lasts, however busy the action is."""

    def __init__(self, attempt: Attempt, worker: str) -> None:
        self._attempt, self._worker = attempt, worker
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heart", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(timeout=5)

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT) and not self._attempt.is_lost:
            try:
                leases.alive(self._worker)
                self._attempt.renew()
            except Error as error:
                log.warning("A lease could not be renewed; tried again in %s s.", HEARTBEAT, exc_info=error)
                connection.close()
        connection.close()


def run_in_process(job: Job, handler: Handler, worker: str, *, stopping: Callable[[], bool] = never) -> str:
    """Run an attempt in the main thread of a process that is there for jobs; return how it ended."""
    attempt = Attempt(job, stopping)
    return _run(attempt, handler, Heart(attempt, worker), within(handler.seconds, stopping=stopping))


def run_in_thread(job: Job, handler: Handler) -> str:
    """Run an attempt in a thread that has something else to do next: its lease is all the time it has."""
    return _run(Attempt(job), handler, nullcontext(), nullcontext())


def _run(
    attempt: Attempt, handler: Handler, heart: AbstractContextManager[None], limit: AbstractContextManager[None]
) -> str:
    began = time.monotonic()
    try:
        with heart, limit:
            handler.action(attempt)
    except (Exception, Stopped, TimeUp) as error:  # noqa: BLE001  # each has its end below
        ended = _end_badly(attempt.job, error)
    else:
        ended = "done" if leases.finish(attempt.job, **attempt.so_far()) else "lost"
    about = {"job": attempt.job.pk, "kind": attempt.job.kind, "attempt": attempt.job.attempts, "status": ended}
    log.info("A job was run.", extra=about | {"seconds": round(time.monotonic() - began, 3)})
    return ended


def _end_badly(job: Job, error: BaseException) -> str:
    """Write down how an attempt ended that did not succeed; return it in a word."""
    if isinstance(error, Error):
        close_old_connections()  # where it is the connection that failed
    if isinstance(error, Stopped):
        return "handed back" if leases.hand_back(job) else "lost"
    if isinstance(error, Refusal) and not isinstance(error, Busy):
        return "failed" if leases.fail(job, str(error)) else "lost"
    sentence = str(error)
    if isinstance(error, Busy):
        return "put off" if leases.wait_out(job, sentence) else "lost"
    if not isinstance(error, TimeUp):
        log.error("A job failed.", exc_info=error, extra={"job": job.pk, "kind": job.kind})
        sentence = f"It failed by a fault of the service ({type(error).__name__}); the log tells more."
    return "put off" if leases.put_off(job, sentence) else "lost"
