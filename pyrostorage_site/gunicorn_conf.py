"""How gunicorn serves the application, under `make run` and in a container alike.

    gunicorn -c pyrostorage_site/gunicorn_conf.py pyrostorage_site.wsgi:application

From the environment: HOST, PORT, WEB_WORKERS (2), WEB_THREADS (8). Logs go to stdout and stderr;
`make run` sends them to DATA_DIR/log and names its pid file on the command line, which wins.
"""

import logging
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gunicorn.glogging import Logger

from pyrostorage_site.logs import PatientHandler

STDOUT, STDERR = 1, 2

_host = os.environ.get("HOST", "").strip() or "127.0.0.1"
_port = os.environ.get("PORT", "").strip() or "8080"
bind = f"[{_host}]:{_port}" if ":" in _host else f"{_host}:{_port}"

worker_class = "pyrostorage_site.pace.PacedWorker"  # gthread, with limits for slow clients
workers = int(os.environ.get("WEB_WORKERS", "").strip() or 2)
threads = int(os.environ.get("WEB_THREADS", "").strip() or 8)
preload_app = False  # a worker opens its own database and store connections

timeout = 60  # seconds without a sign of life from a worker
graceful_timeout = 60  # seconds for uploads under way when the server is told to stop
keepalive = 5
# The heartbeat is a file: on a disk under load, writing it can take longer than the timeout.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) and Path("/dev/shm").is_dir() else None  # noqa: S108

limit_request_line = 8190
limit_request_fields = 100
# The application itself judges X-Forwarded-* (TRUSTED_PROXIES); gunicorn must believe nobody.
forwarded_allow_ips = ""
# The control socket would sit at one path for all servers of an account; signals are enough.
control_socket_disable = True

accesslog = "-"
errorlog = "-"
access_log_format = '%(h)s %(t)s "%(m)s %(U)s %(H)s" %(s)s %(B)s %(M)sms'


class PathLogger(Logger):  # type: ignore[misc] # gunicorn has no types
    """Logs the path alone, as it was sent: queries hold the signatures of file links, and a decoded
    path may hold line breaks that forge a line. Nobody waits for stdout or stderr."""

    def _set_handler(self, log: logging.Logger, output: str | None, fmt: logging.Formatter, stream: Any = None) -> None:
        super()._set_handler(log, output, fmt, stream)
        if output == "-":
            log.removeHandler(self._get_gunicorn_handler(log))
            handler = PatientHandler(STDOUT if stream is sys.stdout else STDERR)
            handler.setFormatter(fmt)
            handler._gunicorn = True  # type: ignore[attr-defined] # its mark
            log.addHandler(handler)

    def atoms(
        self, resp: object, req: object, environ: dict[str, str], request_time: timedelta
    ) -> dict[str, str | int]:
        values: dict[str, str | int] = super().atoms(resp, req, environ, request_time)
        values["U"] = quote(environ.get("RAW_URI", "").partition("?")[0], safe="/%:;,@&=+$!~*'()[]-._")
        return values


logger_class = PathLogger
