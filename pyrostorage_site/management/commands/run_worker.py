from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from curation.jobs.handlers import HANDLERS
from curation.jobs.worker import Supervisor


class Command(BaseCommand):
    help = (
        "Run jobs: those that no request and no Celery worker has run. Several may run at a time, on any number of "
        "hosts. SIGTERM ends it: the job at hand is finished or handed back within 20 seconds. "
        "Exit code: 0 ended as told, 1 (--once) a job has failed, 2 (--once) the database does not answer."
    )
    requires_system_checks = []  # `prepare` has done them; a worker that is started again must not wait

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="end as soon as nothing is due")

        parser.add_argument("--pid-file", type=Path, help="where to write the number of this process")

    def handle(self, *, once: bool, pid_file: Path | None, **options: Any) -> None:
        if pid_file is not None:
            pid_file.write_text(f"{os.getpid()}\n")
        sys.exit(Supervisor(HANDLERS, once=once).run())
