from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from accounts.refusals import Refusal
from curation.actions.check import no_progress
from curation.actions.checking.rate import Rate
from curation.actions.checking.report import Report
from curation.actions.scrub import NIGHTLY, scrub
from curation.management.amounts import amount, share
from curation.management.progress import Line
from curation.storage.errors import StoreError


class Command(BaseCommand):
    help = (
        "Read the slice of the store that was read longest ago, compare it with the ledger, and mark there what is "
        "missing or damaged: its bytes, sent again, heal it. Run it each night. "
        "Exit code: 0 all is well, 1 problems were found, 2 it could not finish (the store or the database does not "
        "answer, or so much is missing that the store is likelier to be the wrong one: then it marks no more)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        how_much = parser.add_mutually_exclusive_group()
        how_much.add_argument(
            "--slice", type=share, default=NIGHTLY, metavar="N/M", help=f"this share of the store's bytes ({NIGHTLY})"
        )
        how_much.add_argument("--bytes", type=amount, metavar="BYTES", help="so many bytes, such as 20G")
        parser.add_argument("--rate", type=amount, metavar="BYTES", help="read at most so many a second, such as 10M")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, **options: Any) -> None:
        with Line(self.stderr) as line:
            report = _scrub(options, line)
        self.stdout.write(json.dumps(report.as_json()) if options["json"] else _in_words(report))
        if not report.clean:
            raise CommandError(f"{report.counts.total()} problem(s) found.", returncode=1)


def _scrub(options: dict[str, Any], line: Line) -> Report:
    rate = Rate(options["rate"]) if options["rate"] else None
    progress = line.show if line.is_watched else no_progress
    try:
        return scrub(share=options["slice"], size=options["bytes"], rate=rate, progress=progress)
    except (Refusal, StoreError) as error:
        raise CommandError(str(error), returncode=2) from error
    except Error as error:
        raise CommandError("The database does not answer; the scrub stopped.", returncode=2) from error


def _in_words(report: Report) -> str:
    checked = report.checked
    lines = [f"{problem.code} {problem.key}: {problem.sentence}" for problem in report.problems]
    return "\n".join([*lines, f"Read {checked['objects_read']} objects ({checked['bytes_read']} bytes)."])
