from __future__ import annotations

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from accounts.actor import command
from curation.actions.derive import Tally, derive_many, no_progress
from curation.management.progress import Line

SHOWN = 20  # failures, in words


class Command(BaseCommand):
    help = (
        "Make small pictures, fingerprints and facts of the media that have none (--missing), or of all (--all). "
        "Uploads have theirs made by themselves; this is for what was taken over, for what was uploaded while ffmpeg "
        "was absent, and after a change of how they are made. May be interrupted: --missing goes on where it was. "
        "Exit code: 0 done, 1 some could not be read, 2 it could not finish (store or database do not answer)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--missing", action="store_true", help="media of which nothing was derived yet")
        which.add_argument("--all", action="store_true", help="every media, again")
        parser.add_argument("--limit", type=int, metavar="N", help="at most so many")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *, missing: bool, limit: int | None, **options: Any) -> None:
        if limit is not None and limit < 1:
            raise CommandError("--limit is a number of media, at least 1.", returncode=2)
        with Line(self.stderr) as line:
            progress = line.show if line.is_watched else no_progress
            try:
                tally = derive_many(missing=missing, limit=limit, by=command(), progress=progress)
            except Error as error:
                raise CommandError("The database does not answer; what was done is kept.", returncode=2) from error
        self.stdout.write(json.dumps(dataclasses.asdict(tally)) if options["json"] else _in_words(tally))
        if tally.gave_up:
            raise CommandError("The store does not answer; run it again later.", returncode=2)
        if tally.failed:
            raise CommandError(f"{tally.failed} media could not be read.", returncode=1)


def _in_words(tally: Tally) -> str:
    lines = [f"media {media}: {why}" for media, why in list(tally.failures.items())[:SHOWN]]
    lines.append(
        f"{tally.derived} media derived, {tally.with_problems} of them with problems; {tally.stale} were deleted or "
        f"replaced meanwhile, {tally.failed} could not be read."
    )
    return "\n".join(lines)
