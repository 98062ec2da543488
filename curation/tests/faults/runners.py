"""Processes that run jobs, on each host; ended, they are started again, as a container's restart policy does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from curation.tests.faults.house import ROOT, House
from curation.tests.jobs.conftest import children

PLAIN = ("curation.tests.faults.deadly_jobs",)
_CELERY = ("celery", "-A", "curation.tests.faults.deadly_celery")
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")
CELERY = (*_CELERY, "worker", "--concurrency=1", *QUIET, "-l", "info")
BEAT = (*_CELERY, "beat", "--pidfile=")


@dataclass
class Runner:
    """One process of `host`, with its children."""

    host: House
    words: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        schedule = ("-s", str(self.host.folder / "schedule")) if self.words == BEAT else ()
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.words, *schedule],
                cwd=ROOT,
                env=self.host.environment | self.variables,
                stdout=log,
                stderr=log,
            )

    @property
    def log_file(self) -> Path:
        return self.host.folder / "jobs.log"

    @property
    def pids(self) -> list[int]:
        return [self.process.pid, *children(self.process.pid)] if self.process else []

    def keep(self) -> None:
        """Start it again when it has ended."""
        if self.has_ended:
            self.start()

    @property
    def has_ended(self) -> bool:
        """By itself, having been started."""
        return self.process is not None and self.process.poll() is not None

    def end(self) -> None:
        """At once, with all that it has begun."""
        for pid in reversed(self.pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(10)
            self.process = None
