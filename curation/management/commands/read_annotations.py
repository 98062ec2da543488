from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.actor import command
from curation.actions.meaning.uploaded import read_many
from curation.management.trying import at_most, end, tried


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
        at_most(limit, "annotations")
        tally = tried(lambda progress: read_many(limit=limit, by=command(), progress=progress), self.stderr)
        words = f"{tally.read} annotations looked into, {tally.understood} of them understood wholly."
        end(tally, words, "annotation", self.stdout, as_json=options["json"])
