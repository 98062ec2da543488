from __future__ import annotations

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from curation.actions.sweep import sweep

DONE = {  # column -> what it counts
    "taken_back": "jobs whose worker has ended, which wait again",
    "dead": "jobs whose worker has ended for the last time",
    "sent": "jobs sent to the broker again",
    "purged": "jobs that finished more than 30 days ago, removed",
}


class Command(BaseCommand):
    help = (
        "Take back the jobs of workers that have ended, send lost messages again, remove what finished long ago. "
        "run_worker and Celery beat do this every 15 seconds by themselves. "
        "Exit code: 0 done, 2 the database does not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, **options: Any) -> None:
        try:
            swept = dataclasses.asdict(sweep())
        except Error as error:
            raise CommandError("The database does not answer.", returncode=2) from error
        words = "\n".join(f"{swept[column]:>12}  {what}" for column, what in DONE.items())
        self.stdout.write(json.dumps(swept) if options["json"] else words)
