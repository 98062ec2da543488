"""Log lines as JSON, each with the id of its request; and a way to write them that holds nobody up."""

from __future__ import annotations

import json
import logging
import os
import queue
import re
import select
import threading
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

current_request_id: ContextVar[str] = ContextVar("request_id", default="")

MOST_LINES = 2000  # that wait for a target that takes none
LAST_SECONDS = 1.0  # for the lines that still wait at the end

OWN_FIELDS = ("status", "object", "seconds", "table", "row_id", "job", "kind", "attempt")
SECRETS = (  # what must not stand in a log, wherever a library put it
    (re.compile(r"(?i)(bearer\s+)[^\s'\",]+"), r"\1[removed]"),
    (re.compile(r"(?i)([?&](?:x-amz-[a-z-]+|signature|token|password)=)[^&\s'\"]+"), r"\1[removed]"),
    (re.compile(r"(?i)(postgres(?:ql)?://[^:/\s]*:)[^@\s]+(@)"), r"\1[removed]\2"),
    (re.compile(r"pyro_[A-Za-z0-9_-]{20,}"), "[removed]"),
)


def without_secrets(text: str) -> str:
    for pattern, replacement in SECRETS:
        text = pattern.sub(replacement, text)
    return text


class JsonFormatter(logging.Formatter):
    """One object a line: at, level, logger, message, request_id, and the trace of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        if request_id := current_request_id.get():
            line["request_id"] = request_id
        line |= {name: getattr(record, name) for name in OWN_FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["trace"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(line, default=str)


class PatientHandler(logging.Handler):
    """Writes lines from a thread of its own: whoever logs neither waits for the target nor hears of its troubles.

    At most MOST_LINES wait. What does not fit any more, or cannot be written, is counted, and the count is told
    in a line of its own as soon as lines pass again. descriptor: 1 for stdout, 2 for stderr.
    """

    def __init__(self, descriptor: int = 2) -> None:
        super().__init__()
        self.descriptor = descriptor
        self._begin()
        os.register_at_fork(after_in_child=self._begin)  # threads do not survive a fork, nor who holds which lock

    def _begin(self) -> None:
        self._lines: queue.Queue[bytes] = queue.Queue(MOST_LINES)
        self._writer: threading.Thread | None = None
        self._refused = 0  # by the queue; counted under the handler's lock
        self._failed = 0  # at the target; counted by the writer
        self._told = 0

    @property
    def dropped(self) -> int:
        return self._refused + self._failed

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self._line(record)
        except Exception:  # noqa: BLE001  # a message that cannot be made harms nobody but itself
            self.handleError(record)
            return
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._refused += 1
        if self._writer is None or not self._writer.is_alive():
            self._start()

    def flush(self) -> None:
        """Wait until all is written, for LAST_SECONDS at most: a target that hangs must not hang the end."""
        with self._lines.all_tasks_done:
            self._lines.all_tasks_done.wait_for(lambda: not self._lines.unfinished_tasks, LAST_SECONDS)

    def _line(self, record: logging.LogRecord) -> bytes:
        return f"{self.format(record)}\n".encode(errors="backslashreplace")

    def _start(self) -> None:
        self._writer = threading.Thread(target=self._write_all, name="log", daemon=True)
        with suppress(RuntimeError):  # no thread to be had, or the interpreter ends
            self._writer.start()

    def _write_all(self) -> None:
        lines = self._lines
        while True:
            self._write(lines.get())
            lines.task_done()

    def _write(self, line: bytes) -> None:
        try:
            _write_whole(self.descriptor, line)
            if (dropped := self.dropped) > self._told:
                sentence = f"{dropped - self._told} log lines were dropped."
                told = logging.LogRecord(__name__, logging.WARNING, __file__, 0, sentence, None, None)
                _write_whole(self.descriptor, self._line(told))
                self._told = dropped
        except OSError:
            self._failed += 1


def _write_whole(descriptor: int, line: bytes) -> None:
    while line:
        try:
            line = line[os.write(descriptor, line) :]
        except BlockingIOError:  # somebody who shares the pipe has set it so
            select.select([], [descriptor], [])
