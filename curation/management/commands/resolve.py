from __future__ import annotations

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from accounts.actor import command
from curation.actions.places import Tally, resolve_missing
from curation.management.progress import Line


class Command(BaseCommand):
    help = (
        "Find cameras, views and sequences by what media say of themselves (source, camera, azimuth, sequence). New "
        "media have theirs found by themselves; this is for those that were there before. May be interrupted, and goes "
        "on where it was. Exit code: 0 done, 2 the database does not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--missing", action="store_true", required=True, help="media that have none yet")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, **options: Any) -> None:
        with Line(self.stderr) as line:
            progress = line.show if line.is_watched else _unwatched
            try:
                tally = resolve_missing(by=command(), progress=progress)
            except Error as error:
                raise CommandError("The database does not answer; what was done is kept.", returncode=2) from error
        self.stdout.write(json.dumps(dataclasses.asdict(tally)) if options["json"] else _in_words(tally))


def _unwatched(stage: str, count: int) -> None:
    """Nobody looks."""


def _in_words(tally: Tally) -> str:
    return (
        f"{tally.resolved} media resolved; {tally.cameras} cameras, {tally.views} views and "
        f"{tally.sequences} sequences are new."
    )
