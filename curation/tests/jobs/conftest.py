"""Fixtures of the tests of jobs: kinds, and processes that run them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.actor import Actor
from curation.actions import queue
from curation.jobs.handlers import HANDLERS
from curation.models import Job
from curation.tests.jobs.kinds import KINDS

ROOT = Path(__file__).resolve().parents[3]
NOBODY = Actor(access=None, door="command")

Put = Callable[..., Job]


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kinds of the tests are known to whoever runs jobs in this process."""
    for kind, handler in KINDS.items():
        monkeypatch.setitem(HANDLERS, kind, handler)


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """put("note", "key", by=..., **payload): commits a job and returns its row."""

    def put(kind: str, key: str = "1", *, by: Actor = NOBODY, **payload: Any) -> Job:
        with transaction.atomic():
            queue.put(f"test.{kind}", key, {"folder": str(tmp_path), **payload}, by=by)
        return Job.objects.get(kind=f"test.{kind}", key=key)

    return put


def until(true: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait for something to come true; fail when it does not."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


def environment() -> dict[str, str]:
    """For a process on the database and store of this test."""
    return dict(os.environ) | {"PYTHONPATH": str(ROOT)}


def children(pid: int) -> list[int]:
    with suppress(FileNotFoundError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except FileNotFoundError:
        return False


class Workers:
    """Real worker processes on this test's database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.started: list[subprocess.Popen[bytes]] = []

    @property
    def log(self) -> str:
        return (self._folder / "worker.log").read_text()

    def start(self, *words: str, **variables: str) -> subprocess.Popen[bytes]:
        name = str(connection.settings_dict["NAME"])
        with (self._folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "curation.tests.jobs.quick", name, *words],
                cwd=ROOT,
                env=environment() | variables,
                stdout=log,
                stderr=log,
            )
        self.started.append(process)
        return process

    def child(self, process: subprocess.Popen[bytes]) -> int:
        """The process that runs the jobs."""
        until(lambda: children(process.pid))
        return children(process.pid)[0]

    def end(self) -> None:
        for process in self.started:
            for pid in children(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.kill()
            process.wait()


@pytest.fixture
def workers(tmp_path: Path, transactional_db: None) -> Iterator[Workers]:
    workers = Workers(tmp_path)
    yield workers
    workers.end()
