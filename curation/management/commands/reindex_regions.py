from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from curation.actions.regions import Tally, reindex, silently
from curation.management.progress import Line

SHOWN = 20  # problems, in words


class Command(BaseCommand):
    help = (
        "Make the index of regions anew from the revisions, or only what does not agree with them (--missing). Nothing "
        "that was decided changes. May be interrupted: --missing goes on where it was, --after ID as well. "
        "Exit code: 0 done, 1 some could not be indexed, 2 the database does not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--missing", action="store_true", help="only what does not agree with its revision")
        parser.add_argument("--after", type=int, default=0, metavar="ID", help="go on after this annotation")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *, missing: bool, after: int, **options: Any) -> None:
        if after < 0:
            raise CommandError("--after is the id of an annotation.", returncode=2)
        with Line(self.stderr) as line:
            try:
                tally = reindex(missing=missing, after=after, progress=line.show if line.is_watched else silently)
            except Error as error:
                raise CommandError("The database does not answer; what was done is kept.", returncode=2) from error
        self.stdout.write(json.dumps(_as_json(tally)) if options["json"] else _in_words(tally))
        if tally.problems:
            raise CommandError(f"{len(tally.problems)} annotations could not be indexed.", returncode=1)


def _as_json(tally: Tally) -> dict[str, Any]:
    problems = [{"annotation": row_id, "sentence": sentence} for row_id, sentence in tally.problems.items()]
    return {
        "annotations": tally.annotations,
        "indexed": tally.indexed,
        "regions": tally.regions,
        "last": tally.last,
        "problems": problems,
    }


def _in_words(tally: Tally) -> str:
    lines = [f"annotation {row_id}: {why}" for row_id, why in list(tally.problems.items())[:SHOWN]]
    lines.append(
        f"{tally.annotations} annotations looked at, {tally.indexed} indexed with {tally.regions} regions; "
        f"the last was {tally.last}."
    )
    return "\n".join(lines)
