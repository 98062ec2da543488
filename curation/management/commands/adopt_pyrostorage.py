from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from accounts.actor import command
from accounts.refusals import Refusal
from curation.actions.adopting.address import SPELLINGS, parse
from curation.actions.adopting.findings import Finding
from curation.actions.adopting.run import Asked, Outcome, adopt, no_progress
from curation.actions.adopting.source import TABLES
from curation.actions.adopting.times import zone
from curation.management.progress import Line
from curation.storage.errors import StoreError

SHOWN = 20  # findings, in words
FLAGS = {
    "--apply": "do it; without it only say what would be done",
    "--missing-ok": "go on although many objects are not in the store",
    "--full": "without --apply: read every object, as --apply does",
    "--json": "one JSON object as the last line of standard output",
}
OUR_DATABASE = "Our own database does not answer, or lacks its tables (manage.py migrate makes them)."
UNFINISHED = "What was done is whole; run the command again to go on."


class Command(BaseCommand):
    help = (
        "Take over an existing pyro-storage 0.1, in place: its accesses, media and annotations, from its database and "
        "from the store that is configured here. Stop the old service first. Without --apply nothing is changed. "
        "Exit code: 0 done, 1 done and there is something to report, 2 refused, or could not finish. "
        "See docs/adopting.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        for flag, words in FLAGS.items():
            parser.add_argument(flag, action="store_true", help=words)
        parser.add_argument("source", metavar="SOURCE_DATABASE_URL", help=f"{SPELLINGS}; - is read from standard input")
        parser.add_argument("--source-timezone", default="UTC", metavar="ZONE", help="of the old service's times (UTC)")
        parser.add_argument(
            "--rename", action="append", default=[], metavar="OLD=NEW", help="another login for an access; repeatable"
        )
        parser.add_argument("--report", type=Path, metavar="FILE", help="write every finding into a CSV file")

    def handle(self, *, report: Path | None, **options: Any) -> None:
        with ExitStack() as stack:
            line = stack.enter_context(Line(self.stderr))
            try:
                file = stack.enter_context(_open(report)) if report else None
                progress = line.show if line.is_watched else no_progress
                outcome = adopt(_asked(options), by=command(), file=file, progress=progress)
            except Refusal as refusal:
                raise CommandError(str(refusal), returncode=2) from refusal
            except StoreError as error:
                raise CommandError(f"{error} {UNFINISHED}", returncode=2) from error
            except Error as error:
                raise CommandError(f"{OUR_DATABASE} {UNFINISHED}", returncode=2) from error
            except KeyboardInterrupt as error:
                raise CommandError(f"Interrupted. {UNFINISHED}", returncode=2) from error
        self.stdout.write(json.dumps(outcome.as_json()) if options["json"] else _in_words(outcome))
        if problems := outcome.report.counts.total():
            raise CommandError(f"{problems} finding(s) are in the report.", returncode=1)


def _open(path: Path) -> TextIO:
    try:
        return path.open("w", newline="", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"The report cannot be written: {error.strerror}.", returncode=2) from error


def _asked(options: dict[str, Any]) -> Asked:
    source = sys.stdin.readline() if options["source"] == "-" else options["source"]
    return Asked(
        parse(source),
        apply=options["apply"],
        zone=zone(options["source_timezone"]),
        renames=dict(_rename(text) for text in options["rename"]),
        missing_ok=options["missing_ok"],
        full=options["full"],
    )


def _rename(text: str) -> tuple[str, str]:
    old, equals, new = text.rpartition("=")  # a new login holds no =, an old one may
    if not (old and equals and new):
        raise CommandError("--rename is written old=new.", returncode=2)
    return old, new


def _in_words(outcome: Outcome) -> str:
    verb = "taken over" if outcome.applied else "to be taken over"
    lines = [_line(finding) for finding in outcome.report.first[:SHOWN]]
    if left := outcome.report.counts.total() - len(lines):
        lines.append(f"... and {left} more; --report FILE writes all of them.")
    lines += [f"{count:>10}  {code}" for code, count in sorted(outcome.report.counts.items())]
    lines += [
        f"{table}: {outcome.seen[table]} seen, {outcome.created[table]} {verb}, {outcome.unchanged[table]} were here "
        f"already, {outcome.left_out[table]} left out."
        for table in TABLES
    ]
    return "\n".join([*lines, "Done." if outcome.applied else "Nothing was changed; --apply does it."])


def _line(finding: Finding) -> str:
    row = f"{finding.table} {finding.row_id} " if finding.table else ""
    key = f" [{finding.key}]" if finding.key else ""
    return f"{row}({finding.verdict}) {finding.code}: {finding.sentence}{key}"
