from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actor import Actor
from curation.actions.annotation_imports import Outcome, import_annotations
from curation.actions.imports import in_words
from curation.actions.meaning.asked import Asked, Claim, model
from curation.actions.meaning.journal import REGIONS
from curation.actions.meaning.rules import OF_OTHERS, chosen
from curation.management.classes import classes
from curation.management.owners import organisation_named, owner_named
from curation.management.progress import watched
from curation.management.taking import add_options, parallel
from curation.models import ImportItem
from pyrostorage_site.checks import SETTINGS

SHOWN = 20  # lines, in words
LAYERS = ("created", "changed", "unchanged")


class Command(BaseCommand):
    help = (
        "Give labels a meaning: read the files of a folder (YOLO, Pascal VOC, sequences), one file or an archive "
        "(COCO, Label Studio, manifest.jsonl, CSV), and say what media show that are here already. What a file says "
        "already stays as it is, so that it can be stopped and begun again at any point. Exit code: 0 all is well, "
        "1 something was refused or not found, 2 it could not be done, or not to its end. "
        "See docs/importing-labels.md."
    )

    requires_system_checks = (SETTINGS,)  # those of models and addresses load every view, a third of a second

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", metavar="PATH", help="folder, file, archive, or s3://bucket/prefix")
        parser.add_argument(
            "--mapping", required=True, metavar="RULES", help="smoke=smoke,Fire=drop,default=refuse; or NAME[@VERSION]"
        )
        claim = parser.add_mutually_exclusive_group()
        claim.add_argument("--truth", action="store_const", dest="claim", const="truth", help="the files are truth")
        claim.add_argument("--predictions", action="store_const", dest="claim", const="predictions", help="a model's")
        parser.add_argument("--unmapped", choices=OF_OTHERS, default="", help="classes without a rule (refuse)")
        parser.add_argument("--classes", default="", metavar="NAMES", help="smoke,fire or a file: classes from 0 on")
        parser.add_argument("--model", default="", metavar="NAME[@VERSION]", help="whose predictions they are")
        add_options(
            parser,
            owner="the access that will own the layers, and finds the media",
            organisation="media of this organisation alone",
        )

    def handle(self, **options: Any) -> None:
        with watched(self.stderr) as progress:
            outcome = import_annotations(options["source"], _asked(options), progress=progress)
        for piece in _as_json(outcome) if options["json"] else _in_words(outcome, dry_run=options["dry_run"]):
            self.stdout.write(piece, ending="")
        self.stdout.write()
        if not outcome.is_whole:
            raise CommandError("Not everything was taken.", returncode=1)


def _asked(options: dict[str, Any]) -> Asked:
    name, version = model(options["model"])
    return Asked(
        Actor(owner_named(options["owner"]) if options["owner"] else None, door="command"),
        chosen(options["mapping"], options["unmapped"]),
        Claim(options["claim"] or ""),
        organisation_named(options["organisation"]) if options["organisation"] else None,
        classes(options["classes"]),
        name,
        version,
        parallel(options),
        dry_run=options["dry_run"],
    )


def _as_json(outcome: Outcome) -> Iterator[str]:
    """Counts, and what is worth a line: {"path", "verdict", "reason", "told": [{"where", "class", "what"}]}."""
    tally = outcome.tally
    head = {
        "files": outcome.files,
        **{name: tally[name] for name in REGIONS},
        **{f"layers_{name}": tally[name] for name in LAYERS},
        "refused": tally["refused"],
        "skipped": tally["skipped"],
        "media_not_found": tally["not_found"],
        "run": outcome.run.pk if outcome.run else None,
    }
    yield f'{json.dumps(head)[:-1]}, "told": ['
    for number, item in enumerate(outcome.told()):
        yield f"{', ' if number else ''}{json.dumps(_told(item))}"
    yield "]}"


def _told(item: ImportItem) -> dict[str, Any]:
    told = [dict(zip(("where", "class", "what"), line, strict=True)) for line in item.told or ()]
    return {"path": item.path, "verdict": str(item.verdict), "reason": item.reason, "told": told}


def _in_words(outcome: Outcome, *, dry_run: bool) -> Iterator[str]:
    lines = outcome.told()
    for item in islice(lines, SHOWN):
        yield f"{str(item.verdict).replace('_', ' '):<10} {item.path}: {'; '.join(filter(None, _words(item)))}\n"
    if any(True for _ in lines):
        yield "... and more; --json and the report of the run have all of it.\n"
    tally = outcome.tally
    yield f"{outcome.files} files. Regions: " + ", ".join(
        f"{tally[name]} {name.removeprefix('regions_')}" for name in REGIONS
    )
    yield ". Layers: " + ", ".join(f"{tally[name]} {name}" for name in LAYERS)
    yield f". {tally['not_found']} pictures not found, {tally['refused']} refused. "
    yield "Nothing was written." if dry_run else f"Run {outcome.run.pk if outcome.run else ''}."


def _words(item: ImportItem) -> Iterator[str]:
    yield item.reason
    yield in_words(item.told or [])
