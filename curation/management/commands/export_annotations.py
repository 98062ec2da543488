from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actor import command
from accounts.names import fold
from accounts.refusals import Refusal
from curation.actions.exporting.asked import POLYGONS, Asked, asked
from curation.actions.exporting.many import REGIONS, Chosen, Outcome, export, known
from curation.actions.meaning.asked import model
from curation.actions.meaning.rules import OF_OTHERS
from curation.formats.table import FORMATS
from curation.management.classes import classes
from curation.management.progress import watched
from curation.models import Collection
from pyrostorage_site.checks import SETTINGS

SHOWN = 20  # lines, in words
MEDIA = ("files", "media", "media_without", "media_refused")
ID = re.compile(r"[0-9]{1,18}")
AS_IT_WAS = "Nothing was written."


class Command(BaseCommand):
    help = (
        "Write what layers say as files of a format: ground truth, or predictions, never both. Formats with a file for "
        "each picture make a folder, the others one file. Nothing is there before all is whole. Exit code: 0 all is "
        "well, 1 something had no word in the mapping or the format and was left out, 2 it could not be done. "
        "See docs/exporting-labels.md."
    )

    requires_system_checks = (SETTINGS,)  # those of models and addresses load every view, a third of a second

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("out", metavar="OUT", help="the file or the folder that is made")
        parser.add_argument("--format", required=True, choices=sorted(FORMATS))
        parser.add_argument(
            "--mapping", default="", metavar="RULES", help="NAME[@VERSION], or smoke=smoke,...; applied backwards"
        )
        whose = parser.add_mutually_exclusive_group()
        whose.add_argument("--collection", metavar="NAME", help="its media alone; or #7, its number")
        whose.add_argument("--media", metavar="IDS", help="these media alone: 7,8,9")
        parser.add_argument("--predictions", action="store_true", help="those of models, instead of ground truth")
        parser.add_argument("--model", default="", metavar="NAME[@VERSION]", help="whose predictions")
        parser.add_argument("--unmapped", choices=OF_OTHERS, default="", help="codes that no class becomes (refuse)")
        parser.add_argument("--classes", default="", metavar="NAMES", help="smoke,fire or a file: classes from 0 on")
        parser.add_argument("--polygons", choices=POLYGONS, default="refuse", help="box: the one around each")
        parser.add_argument("--force", action="store_true", help="write over files that are there")
        parser.add_argument("--dry-run", action="store_true", help="translate everything, write nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object as the last line of standard output")

    def handle(self, **options: Any) -> None:
        with watched(self.stderr, left=AS_IT_WAS, told_after=(Refusal,)) as progress:
            outcome = export(
                _chosen(options),
                _asked(options),
                Path(options["out"]),
                force=options["force"],
                dry_run=options["dry_run"],
                progress=progress,
            )
        for piece in [json.dumps(_as_json(outcome))] if options["json"] else _in_words(outcome, options):
            self.stdout.write(piece)
        if not outcome.is_whole:
            raise CommandError("Not everything went out.", returncode=1)


def _asked(options: dict[str, Any]) -> Asked:
    said = {name: options[name] for name in ("format", "mapping", "unmapped", "polygons")}
    return asked(said, by=command(), names=classes(options["classes"]))


def _chosen(options: dict[str, Any]) -> Chosen:
    name, version = model(options["model"])
    if name and not options["predictions"]:
        raise CommandError("--model names whose --predictions are meant.", returncode=2)
    return Chosen(
        _collection(options["collection"]) if options["collection"] else None,
        known(_ids(options["media"])) if options["media"] else (),
        options["predictions"],
        name,
        version,
    )


def _ids(text: str) -> list[int]:
    words = [word for word in re.split(r"[\s,]+", text) if word]
    if not words or not all(ID.fullmatch(word) for word in words):
        raise CommandError("--media is written 7,8,9.", returncode=2)
    return [int(word) for word in words]


def _collection(text: str) -> Collection:
    """Names differ within an organisation alone; numbers everywhere."""
    rows = Collection.objects.living()
    number = text.removeprefix("#")
    is_number = text.startswith("#") and ID.fullmatch(number)
    found = list((rows.filter(pk=int(number)) if is_number else rows.filter(name_folded=fold(text)[:200]))[:2])
    if not found:
        raise CommandError(f"There is no collection {text!r}.", returncode=2)
    if len(found) > 1:
        raise CommandError(f"There are several collections {text!r}; say the number of one, such as #7.", returncode=2)
    return found[0]


def _as_json(outcome: Outcome) -> dict[str, Any]:
    told = [{"media": media, "label": code or None, "what": what} for media, code, what in outcome.told]
    counts = {name: outcome.tally[name] for name in (*MEDIA, *REGIONS)}
    return counts | {"sha256": outcome.sha256, "told": told, "not_told": outcome.tally["not_told"]}


def _in_words(outcome: Outcome, options: dict[str, Any]) -> Iterator[str]:
    for media, code, what in islice(outcome.told, SHOWN):
        yield f"media {media}: {': '.join(filter(None, (code, what)))}"
    if len(outcome.told) > SHOWN:
        yield "... and more; --json has them."
    tally = outcome.tally
    counted = ", ".join(f"{tally[name]} {name.removeprefix('regions_')}" for name in REGIONS)
    yield (
        f"{tally['media']} media in {tally['files']} files, {tally['media_refused']} refused, {tally['media_without']} "
        f"without such a layer. Regions: {counted}. {AS_IT_WAS if options['dry_run'] else options['out']}"
    )
