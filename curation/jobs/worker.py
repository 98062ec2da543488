"""`manage.py run_worker`: a small parent, and a child that takes one job after the other.

The child may hang, or die of a broken file: the parent kills it after its limit, with everything it started,
and begins another. What the child worked on waits until its lease ends. Killed itself, the parent is not
missed: the child finishes its job and ends.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from types import FrameType

from django.db import InterfaceError, OperationalError, close_old_connections, connections

from curation.actions import leases
from curation.actions.sweep import EVERY, sweep
from curation.jobs.attempt import run_in_process
from curation.jobs.handlers import Handler
from curation.jobs.limits import GRACE

log = logging.getLogger(__name__)

POLL = 1.0  # seconds between two looks when nothing is due
STOP_WITHIN = 20  # seconds that a job has to end or stop when the worker is told to
PAUSES = (1.0, 15.0)  # seconds, first and longest, before a new child or another try of a database that is away
FINE, JOBS_FAILED, NO_DATABASE = 0, 1, 2  # exit codes


class _Child:
    """Claims and runs jobs until it is told to stop; tells its parent by a pipe how long it may take."""

    def __init__(self, handlers: Mapping[str, Handler], pipe: int, *, once: bool) -> None:
        self._handlers, self._pipe, self._once = handlers, pipe, once
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._stopping = False
        self._next_sweep = 0.0
        self._code = FINE

    def work(self) -> int:
        """Return the exit code."""
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which tells us
        pause = PAUSES[0]
        while not self._stopping:
            try:
                goes_on = self._step()
                pause = PAUSES[0]
            except (OperationalError, InterfaceError) as error:
                if self._once:
                    log.error("The database does not answer.", exc_info=error)
                    return NO_DATABASE
                log.warning("The database does not answer; tried again in %s s.", pause, exc_info=error)
                time.sleep(pause)
                pause, goes_on = min(2 * pause, PAUSES[1]), True
            if not goes_on:
                break
        return self._code

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        signal.setitimer(signal.ITIMER_REAL, STOP_WITHIN)  # then whatever runs is interrupted

    def _step(self) -> bool:
        """One job, or a pause; whether there is a next step."""
        close_old_connections()
        self._sweep_now_and_then()
        job = leases.claim(self._handlers)
        if job is None:
            time.sleep(0 if self._once else POLL)
            return not self._once
        handler = self._handlers[job.kind]
        self._tell(handler.seconds)
        ended = run_in_process(job, handler, self._name, stopping=lambda: self._stopping)
        self._tell(0)
        if self._once and ended in {"failed", "put off"}:
            self._code = JOBS_FAILED
        return True

    def _sweep_now_and_then(self) -> None:
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + EVERY
            leases.alive(self._name)
            sweep()

    def _tell(self, seconds: int) -> None:
        """How long the attempt that begins now may take; 0 when it has ended."""
        os.write(self._pipe, b"%d\n" % seconds)


class Supervisor:
    """The parent. It asks no database, so that a fork takes nothing along."""

    def __init__(self, handlers: Mapping[str, Handler], *, once: bool = False) -> None:
        self._handlers, self._once = handlers, once
        self._child = 0
        self._stopping = False

    def run(self) -> int:
        """Keep a child at work until told to stop (SIGTERM, SIGINT), or with `once` until nothing is due.

        Returns the exit code: 0 fine, 1 (`once`) jobs have failed, 2 (`once`) no database.
        """
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGALRM, self._kill)
        pause, code = PAUSES[0], FINE
        while not self._stopping:
            began = time.monotonic()
            ended = self._watch(self._begin())
            if ended >= 0 and self._once:
                return ended or code
            if ended == FINE:  # it ended because we are told to
                break
            code = JOBS_FAILED
            log.error("A process that ran jobs has ended (%s); another one begins.", ended)
            pause = PAUSES[0] if time.monotonic() - began > PAUSES[1] else min(2 * pause, PAUSES[1])
            self._rest(pause)
        return code if self._once else FINE

    def _begin(self) -> int:
        """Begin a child in a process group of its own; return where to read what it tells."""
        connections.close_all()
        reading, writing = os.pipe()
        self._child = os.fork()
        if self._child:
            os.close(writing)
            with suppress(ProcessLookupError, PermissionError):  # the child does it as well; first come
                os.setpgid(self._child, 0)
            return reading
        os.close(reading)
        code = 70
        try:
            os.setpgid(0, 0)
            code = _Child(self._handlers, writing, once=self._once).work()
        except BrokenPipeError:
            code = FINE  # the parent is gone
        except BaseException as error:  # nothing of the parent's may run here
            log.critical("The worker has a fault.", exc_info=error)
        finally:
            logging.shutdown()  # the last lines are written by a thread, which ends here
            os._exit(code)

    def _watch(self, pipe: int) -> int:
        """Wait for the end of the child; return its exit code, negative for a signal or a fault of its own."""
        deadline: float | None = None
        with open(pipe, "rb", buffering=0) as told:
            if self._stopping:  # told so while the child began
                self._pass_on()
            while True:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    log.error("A job went on after its limit; its process is killed.")
                    self._kill()
                    deadline = None
                    continue
                if not select.select([told], [], [], left)[0]:
                    continue
                line = told.read(1024)
                if not line:
                    break
                seconds = int(line.split()[-1])
                deadline = time.monotonic() + seconds + GRACE if seconds else None
        self._kill()  # whatever it started
        _, status = os.waitpid(self._child, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        code = os.waitstatus_to_exitcode(status)
        return -code if code == 70 else code

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        self._pass_on()

    def _pass_on(self) -> None:
        """Tell the child to stop; it is killed when it does not."""
        signal.setitimer(signal.ITIMER_REAL, STOP_WITHIN + 5)
        with suppress(ProcessLookupError):
            os.kill(self._child, signal.SIGTERM)

    def _kill(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child, signal.SIGKILL)

    def _rest(self, seconds: float) -> None:
        """Sleep, unless told to stop."""
        end = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < end:
            time.sleep(0.1)
