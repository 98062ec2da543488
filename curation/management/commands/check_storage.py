from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error
from django.utils import timezone

from curation.actions.check import examine, last_since, no_progress
from curation.actions.checking.rate import Rate
from curation.actions.checking.report import Problem, Report
from curation.management.amounts import LAST, amount, moment
from curation.management.progress import Line
from curation.storage.errors import StoreError


class Command(BaseCommand):
    help = (
        "Prove that rows, ledger and objects agree, on a live system. Changes nothing unless --mark or --since. "
        "Exit code: 0 all is well, 1 problems were found, 2 it could not finish (store or database do not answer)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--full", action="store_true", help="read every object and compare its SHA-256")
        parser.add_argument(
            "--mark",
            action="store_true",
            help="note in the ledger what is missing or damaged: an upload of the same bytes then heals it",
        )
        parser.add_argument(
            "--since",
            type=moment,
            metavar="WHEN",
            help="with --full: read only what was not found good after WHEN (a date, a time, 7d, 12h, now), and note "
            "what is found good, so that a check that was cut short goes on with `--full --since last`",
        )
        parser.add_argument(
            "--rate", type=amount, metavar="BYTES", help="with --full: read at most so many a second, such as 10M"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
        parser.add_argument("--limit", type=int, default=100, metavar="N", help="problems shown (100)")

    def handle(self, *, full: bool, mark: bool, limit: int, **options: Any) -> None:
        if not full and (options["since"] or options["rate"]):
            raise CommandError("--since and --rate are about reading objects: they need --full.", returncode=2)
        rate = Rate(options["rate"]) if options["rate"] else None
        with Line(self.stderr) as line:
            progress = line.show if line.is_watched else no_progress
            try:
                report = examine(full=full, mark=mark, since=_since(options["since"]), rate=rate, progress=progress)
            except StoreError as error:
                raise CommandError(f"{error} The check could not be finished.", returncode=2) from error
            except Error as error:
                raise CommandError(
                    "The database does not answer. The check could not be finished.", returncode=2
                ) from error
        shown = max(0, limit)
        self.stdout.write(json.dumps(report.as_json(limit=shown)) if options["json"] else _in_words(report, shown))
        if not report.clean:
            raise CommandError(f"{report.counts.total()} problem(s) found.", returncode=1)


def _since(given: datetime | None) -> datetime | None:
    """The moment to go by, None without --since; a first `--since last` begins a round of its own."""
    return (last_since() or timezone.now()) if given == LAST else given


def _in_words(report: Report, shown: int) -> str:
    lines = [_line(problem) for problem in report.problems[:shown]]
    if left := report.counts.total() - len(lines):
        lines.append(f"... and {left} more: " + ", ".join(f"{code} {n}" for code, n in sorted(report.counts.items())))
    checked = report.checked
    lines.append(
        f"Checked {checked['objects']} objects ({checked['bytes']} bytes), read {checked['objects_read']} of them "
        f"({checked['bytes_read']} bytes), and checked {checked['ledger_rows']} ledger rows and "
        f"{checked['references']} references; {checked['held']} objects are held, {checked['being_written']} being "
        f"written, {checked['waiting_to_be_collected']} wait to be collected."
    )
    return "\n".join(lines)


def _line(problem: Problem) -> str:
    row = f" {problem.table} {problem.row_id}" if problem.row_id is not None else ""
    return f"{problem.code} {problem.key}{row}: {problem.sentence}"
