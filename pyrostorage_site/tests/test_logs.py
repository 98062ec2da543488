"""A log target that is full, blocked or gone: nobody waits for it, and what was dropped is counted and told."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pyrostorage_site import logs
from pyrostorage_site.logs import MOST_LINES, PatientHandler

LONGEST = 0.01  # seconds that a line may cost whoever logs it
DROPPED = re.compile(rb"(\d+) log lines were dropped\.\n")


@dataclass
class Blocked:
    """A handler whose target is a pipe that nobody reads yet."""

    handler: PatientHandler
    reading: int


@pytest.fixture
def blocked() -> Iterator[Blocked]:
    reading, writing = os.pipe()
    handler = PatientHandler(writing)
    yield Blocked(handler, reading)
    os.close(reading)  # from here on, writing fails at once
    handler.flush()
    os.close(writing)


def record(number: int) -> logging.LogRecord:
    return logging.LogRecord("test", logging.INFO, "", 0, f"line {number} {'x' * 200}", None, None)


def emit(handler: PatientHandler, lines: int) -> float:
    """Log so many lines; the longest that one took, but for the few that the machine itself held up."""
    took = []
    for number in range(lines):
        started = time.perf_counter()
        handler.handle(record(number))
        took.append(time.perf_counter() - started)
    return sorted(took)[-10]


def test_lines_come_whole_and_in_order(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        handler = PatientHandler(file.fileno())
        emit(handler, MOST_LINES // 2)
        handler.flush()
    lines = (tmp_path / "log").read_text().splitlines()
    assert [int(line.split()[1]) for line in lines] == list(range(MOST_LINES // 2))
    assert handler.dropped == 0


def test_a_blocked_target_holds_nobody_up_and_what_was_dropped_is_told(blocked: Blocked) -> None:
    handler, count = blocked.handler, MOST_LINES * 2
    assert emit(handler, count) < LONGEST
    assert handler.dropped > 0

    reader = _Reader(blocked.reading)
    handler.flush()
    handler.handle(record(0))  # in whose wake the rest is told
    handler.flush()
    deadline = time.monotonic() + 10
    while reader.told() < handler.dropped and time.monotonic() < deadline:
        time.sleep(0.01)
    assert reader.told() == handler.dropped
    assert reader.received.count(b"line ") == count + 1 - handler.dropped


class _Reader:
    """Reads all the while."""

    def __init__(self, reading: int) -> None:
        self.received = bytearray()
        threading.Thread(target=self._read, args=(os.dup(reading),), daemon=True).start()

    def _read(self, reading: int) -> None:
        with os.fdopen(reading, "rb", buffering=0) as file:
            while piece := file.read(65536):
                self.received.extend(piece)

    def told(self) -> int:
        return sum(int(found) for found in DROPPED.findall(self.received))


def test_a_full_target_raises_nothing_and_its_lines_are_counted() -> None:
    with Path("/dev/full").open("wb") as full:
        handler = PatientHandler(full.fileno())
        assert emit(handler, 100) < LONGEST
        handler.flush()
        assert handler.dropped == 100


def test_a_blocked_target_does_not_hold_up_the_end(blocked: Blocked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LAST_SECONDS", 0.2)
    handler = blocked.handler
    emit(handler, MOST_LINES)
    started = time.monotonic()
    handler.flush()
    assert time.monotonic() - started < 2


def test_a_process_that_ends_has_written_its_last_lines(tmp_path: Path) -> None:
    code = "from django.conf import settings; import django, logging; django.setup(); logging.error('farewell')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"DJANGO_SETTINGS_MODULE": "pyrostorage_site.settings", "ENV_FILE": os.devnull, "DATA_DIR": str(tmp_path)},
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert '"message": "farewell"' in done.stderr


def test_a_forked_child_writes_its_own_lines_and_none_of_its_parents(blocked: Blocked) -> None:
    handler = blocked.handler
    emit(handler, MOST_LINES)  # blocked by now
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), handler.descriptor)
        handler.handle(record(1))
        handler.flush()
        os._exit(0 if handler.dropped == 0 and not handler._lines.unfinished_tasks else 1)
    assert os.waitpid(child, 0)[1] == 0
