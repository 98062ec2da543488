from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actor import Actor
from curation.actions.importing.asked import Asked
from curation.actions.imports import Outcome, ingest
from curation.management.owners import organisation_named, owner_named
from curation.management.progress import watched
from curation.management.taking import add_options, parallel
from pyrostorage_site.checks import SETTINGS

SHOWN = 20  # refused files, in words


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
        parser.add_argument("--source", dest="named", default="", metavar="TEXT", help="their source (as names say)")
        add_options(
            parser,
            owner="the access that will own them; its organisation too",
            organisation="whose they are (the owner's)",
        )

    def handle(self, **options: Any) -> None:
        with watched(self.stderr) as progress:
            outcome = ingest(options["source"], _asked(options), progress=progress)
        for piece in _as_json(outcome) if options["json"] else _in_words(outcome, dry_run=options["dry_run"]):
            self.stdout.write(piece, ending="")
        self.stdout.write()
        if refused := outcome.counts["refused"]:
            raise CommandError(f"{refused} file(s) were refused.", returncode=1)


def _asked(options: dict[str, Any]) -> Asked:
    if len(options["named"]) > 100:
        raise CommandError("--source is a text of at most 100 characters.", returncode=2)
    owner = owner_named(options["owner"]) if options["owner"] else None
    organisation = owner.organisation_id if owner else None
    if options["organisation"]:
        organisation = organisation_named(options["organisation"])
    by = Actor(owner, door="command")
    return Asked(by, organisation, options["named"], parallel(options), dry_run=options["dry_run"])


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
