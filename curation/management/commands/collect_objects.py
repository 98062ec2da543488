from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from accounts.actor import command
from accounts.refusals import Refusal
from curation.actions.alone import NotAlone
from curation.actions.collect import Tally, collect, no_progress
from curation.management.progress import Line
from curation.storage.errors import StoreError

DONE = {  # column of the tally -> what it counts
    "media_freed": "deleted media freed of their files",
    "finished": "deletions of an earlier run finished",
    "collected": "objects that nothing needs",
    "collected_bytes": "bytes of these",
    "unknown": "objects that the database does not know",
    "unknown_collected": "of these deleted",
    "unfinished": "writes that were cut short",
    "uploads_expired": "direct uploads given up, because nobody asked for them",
    "uploads_cleared": "ended direct uploads whose bytes were deleted",
    "idempotency_keys": "idempotency keys past their time",
    "login_tokens": "login tokens past their time",
}


class Command(BaseCommand):
    help = (
        "Delete the objects that nothing needs any more, and count them first: without --apply nothing is changed. "
        "Exit code: 0 done, 2 stopped and deleted nothing more (the store or the database does not answer, or too "
        "many objects are missing: more than 0.1 % and more than 10, or all), 3 another collector is at work, or a "
        "backup."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        hours = settings.COLLECT_GRACE.total_seconds() / 3600
        parser.add_argument("--apply", action="store_true", help="delete; without it only count")
        parser.add_argument(
            "--grace", type=float, default=hours, metavar="HOURS", help=f"leave alone what is younger ({hours:g})"
        )
        parser.add_argument(
            "--unknown",
            action="store_true",
            help="also objects unknown to the database, in a store that was not empty when this installation began",
        )
        parser.add_argument(
            "--despite-missing",
            action="store_true",
            help="go on although many needed objects are missing: you know why, and it is the right store",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *, apply: bool, grace: float, unknown: bool, despite_missing: bool, **options: Any) -> None:
        if not 0 <= grace <= 24 * 365:
            raise CommandError("--grace is a number of hours, 0 to 8760.", returncode=2)
        with Line(self.stderr) as line:
            asked = {"apply": apply, "grace": timedelta(hours=grace), "unknown": unknown}
            tally = _collect(line, **asked, despite_missing=despite_missing)
        result = {"applied": apply, **dataclasses.asdict(tally)}
        self.stdout.write(json.dumps(result) if options["json"] else _in_words(tally, apply=apply))


def _collect(line: Line, **asked: Any) -> Tally:
    progress = line.show if line.is_watched else no_progress
    try:
        return collect(**asked, by=command(), progress=progress)
    except NotAlone as refusal:
        raise CommandError(str(refusal), returncode=3) from refusal
    except (Refusal, StoreError) as error:
        raise CommandError(str(error), returncode=2) from error
    except Error as error:
        raise CommandError("The database does not answer; the collector stopped.", returncode=2) from error


def _in_words(tally: Tally, *, apply: bool) -> str:
    lines = [f"{getattr(tally, column):>12}  {words}" for column, words in DONE.items()]
    return "\n".join([*lines, "Done." if apply else "Nothing was changed; --apply does it."])
