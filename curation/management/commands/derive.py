from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.actor import command
from curation.actions.derive import Tally, derive_many
from curation.management.trying import at_most, end, tried


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
        at_most(limit, "media")
        tally = tried(
            lambda progress: derive_many(missing=missing, limit=limit, by=command(), progress=progress), self.stderr
        )
        end(tally, _in_words(tally), "media", self.stdout, as_json=options["json"])


def _in_words(tally: Tally) -> str:
    return (
        f"{tally.derived} media derived, {tally.with_problems} of them with problems; {tally.stale} were deleted or "
        f"replaced meanwhile, {tally.failed} could not be read."
    )
