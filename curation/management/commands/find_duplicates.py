from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from accounts.actor import command
from curation.actions.duplicates.searching import Outcome, begin_anew, search, search_by_jobs, silently
from curation.management.progress import Line

AGAIN = "What was found is kept; run the command again to go on."


class Command(BaseCommand):
    help = (
        "Find near-duplicates among the media that were not compared yet, and make clusters of them for curators to "
        "decide about: within a camera's view and half an hour, or everywhere (--global). Decisions stay as they are. "
        "May be stopped and begun again at any point. "
        "Exit code: 0 done, 2 it could not be done to its end. See docs/duplicates.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--global", action="store_true", help="compare with all media, whatever took them and when")
        parser.add_argument(
            "--again", action="store_true", help="compare everything anew, and make anew the clusters nobody decided"
        )
        parser.add_argument("--jobs", action="store_true", help="leave the work to the workers, who share it")
        parser.add_argument("--json", action="store_true", help="one JSON object as the last line of standard output")

    def handle(self, **options: Any) -> None:
        with Line(self.stderr) as line:
            progress = line.show if line.is_watched else silently
            try:
                if options["again"]:
                    begin_anew(progress)
                act = search_by_jobs if options["jobs"] else search
                outcome = act(is_global=options["global"], by=command(), progress=progress)
            except Error as error:
                raise CommandError(f"The database does not answer. {AGAIN}", returncode=2) from error
            except KeyboardInterrupt as error:
                raise CommandError(f"Interrupted. {AGAIN}", returncode=2) from error
        self.stdout.write(json.dumps(_as_json(outcome)) if options["json"] else _in_words(outcome))


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "search": outcome.search,
        "global": outcome.is_global,
        "parts": outcome.parts,
        "done": outcome.is_done,
        **outcome.report,
    }


def _in_words(outcome: Outcome) -> str:
    if not outcome.is_done:
        return f"Search {outcome.search} waits for workers, in {outcome.parts} parts."
    report = outcome.report
    lines = [
        f"{max(report['compared_in_place'], report['compared_globally'])} media compared, {report['pairs']} likenesses "
        f"found: {report['joined']} media joined clusters, of which {report['clusters']} are new and "
        f"{report['merged']} became part of others. {report['awaiting']} clusters await a curator."
    ]
    if report["apart"]:
        lines.append(f"{report['apart']} likenesses tie no cluster together: it would be too wide, or is decided.")
    if report["crowds"]:
        lines.append(
            f"{report['crowds']} crowds look so much alike (up to {report['largest']} media) that {report['left_out']} "
            f"media were compared with the nearest {report['cap']} alone."
        )
    return "\n".join(lines)
