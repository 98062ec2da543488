from __future__ import annotations

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from accounts.actor import command
from curation.actions.derive import no_progress
from curation.actions.meaning.uploaded import Tally, read_many
from curation.management.progress import Line

SHOWN = 20  # failures, in words


class Command(BaseCommand):
    help = (
        "Find out what uploaded files of labels say that nobody looked into yet. Uploads are read by themselves; this "
        "is for what was taken over, or came before there were workers. May be interrupted, and goes on where it was. "
        "Exit code: 0 done, 1 some could not be read, 2 it could not finish (store or database do not answer)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", type=int, metavar="N", help="at most so many")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *, limit: int | None, **options: Any) -> None:
        if limit is not None and limit < 1:
            raise CommandError("--limit is a number of annotations, at least 1.", returncode=2)
        with Line(self.stderr) as line:
            progress = line.show if line.is_watched else no_progress
            try:
                tally = read_many(limit=limit, by=command(), progress=progress)
            except Error as error:
                raise CommandError("The database does not answer; what was done is kept.", returncode=2) from error
        self.stdout.write(json.dumps(dataclasses.asdict(tally)) if options["json"] else _in_words(tally))
        if tally.gave_up:
            raise CommandError("The store does not answer; run it again later.", returncode=2)
        if tally.failed:
            raise CommandError(f"{tally.failed} annotations could not be read.", returncode=1)


def _in_words(tally: Tally) -> str:
    lines = [f"annotation {row}: {why}" for row, why in list(tally.failures.items())[:SHOWN]]
    lines.append(f"{tally.read} annotations looked into, {tally.understood} of them understood wholly.")
    return "\n".join(lines)
