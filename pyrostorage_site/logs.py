"""Log lines as JSON, each with the id of its request."""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

current_request_id: ContextVar[str] = ContextVar("request_id", default="")

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
