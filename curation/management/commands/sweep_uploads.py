from __future__ import annotations

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from curation.actions.leftovers import sweep


class Command(BaseCommand):
    help = (
        "Give up direct uploads that nobody asks for any more, and delete what ended ones left in incoming/. "
        "The collector does it as well. Exit code: 0 done, 2 something could not be deleted; run it again later."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        try:
            swept = sweep(apply=not dry_run)
        except Error as error:
            raise CommandError("The database does not answer; the sweep stopped.", returncode=2) from error
        words = f"{swept.expired} uploads given up, {swept.cleared} cleared, {swept.failed} left for the next time."
        self.stdout.write(json.dumps(dataclasses.asdict(swept)) if options["json"] else words)
        if swept.failed:
            raise CommandError("The store could not delete everything.", returncode=2)
