from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from accounts.actor import Actor
from accounts.refusals import Busy, Full, Refusal
from curation.actions.importing.asked import Asked
from curation.actions.importing.run import no_progress
from curation.actions.imports import Outcome, ingest
from curation.management.owners import organisation_named, owner_named
from curation.management.progress import Line
from pyrostorage_site.checks import SETTINGS

SHOWN = 20  # refused files, in words
AGAIN = "What was done is whole; run the command again to go on."


class Command(BaseCommand):
    help = (
        "Take in the pictures and videos of a folder, an archive (.zip, .tar, .tar.gz) or s3://bucket/prefix, and the "
        "labels beside them. What is there already stays as it is, so that it can be stopped and begun again at any "
        "point. Exit code: 0 all is well, 1 some files were refused, 2 it could not be done, or not to its end. "
        "See docs/imports.md."
    )

    requires_system_checks = (SETTINGS,)  # those of models and addresses load every view, a third of a second

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", metavar="PATH", help="folder, picture, archive, or s3://bucket/prefix")
        parser.add_argument("--owner", metavar="LOGIN", help="the access that will own them; its organisation too")
        parser.add_argument("--organisation", metavar="NAME", help="whose they are (the owner's)")
        parser.add_argument("--source", dest="named", default="", metavar="TEXT", help="their source (as names say)")
        parser.add_argument("--parallel", type=int, default=4, metavar="N", help="transfers to the store at a time (4)")
        parser.add_argument("--dry-run", action="store_true", help="read and judge everything, write nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object as the last line of standard output")

    def handle(self, **options: Any) -> None:
        with Line(self.stderr) as line:
            try:
                outcome = ingest(
                    options["source"], _asked(options), progress=line.show if line.is_watched else no_progress
                )
            except Refusal as refusal:
                raise CommandError(f"{refusal}{_hint(refusal)}", returncode=2) from refusal
            except Error as error:
                raise CommandError(f"The database does not answer. {AGAIN}", returncode=2) from error
            except KeyboardInterrupt as error:
                raise CommandError(f"Interrupted. {AGAIN}", returncode=2) from error
        for piece in _as_json(outcome) if options["json"] else _in_words(outcome, dry_run=options["dry_run"]):
            self.stdout.write(piece, ending="")
        self.stdout.write()
        if refused := outcome.counts["refused"]:
            raise CommandError(f"{refused} file(s) were refused.", returncode=1)


def _hint(refusal: Refusal) -> str:
    return f" {AGAIN}" if isinstance(refusal, (Busy, Full)) else ""


def _asked(options: dict[str, Any]) -> Asked:
    if not 1 <= options["parallel"] <= 64:
        raise CommandError("--parallel is a number from 1 to 64.", returncode=2)
    if len(options["named"]) > 100:
        raise CommandError("--source is a text of at most 100 characters.", returncode=2)
    owner = owner_named(options["owner"]) if options["owner"] else None
    organisation = owner.organisation_id if owner else None
    if options["organisation"]:
        organisation = organisation_named(options["organisation"])
    by = Actor(owner, door="command")
    return Asked(by, organisation, options["named"], options["parallel"], dry_run=options["dry_run"])


def _as_json(outcome: Outcome) -> Iterator[str]:
    """{"seen", "created", "unchanged", "skipped", "run", "refused": [{"path", "reason"}]}, however many there are."""
    counts = {name: outcome.counts[name] for name in ("created", "unchanged", "skipped")}
    head = {"seen": outcome.seen, **counts, "run": outcome.run.pk if outcome.run else None}
    yield f'{json.dumps(head)[:-1]}, "refused": ['
    for number, (path, reason) in enumerate(outcome.refused()):
        yield f"{', ' if number else ''}{json.dumps({'path': path, 'reason': reason})}"
    yield "]}"


def _in_words(outcome: Outcome, *, dry_run: bool) -> Iterator[str]:
    for path, reason in islice(outcome.refused(), SHOWN):
        yield f"refused  {path}: {reason}\n"
    if (left := outcome.counts["refused"] - SHOWN) > 0:
        yield f"... and {left} more refused.\n"
    counted = ", ".join(f"{outcome.counts[name]} {name}" for name in ("created", "unchanged", "refused", "skipped"))
    yield f"{outcome.seen} files seen: {counted}. "
    yield "Nothing was written." if dry_run else f"Run {outcome.run.pk if outcome.run else ''}."
