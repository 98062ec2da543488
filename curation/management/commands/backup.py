from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from accounts.refusals import Refusal
from curation.actions.alone import NotAlone
from curation.actions.backups.backup import backup
from curation.actions.backups.folder import About
from curation.actions.backups.objects import BESIDE
from curation.actions.check import no_progress
from curation.management.progress import Line
from curation.storage.errors import StoreError


class Command(BaseCommand):
    help = (
        "Back up the running service into a folder: the database of this moment, and the objects that it needs and "
        "that no earlier backup brought there. "
        "Exit code: 0 done, 1 done but for objects that are missing or damaged in the store, 2 stopped, and there is "
        "no new backup (begin again, it goes on), 3 the collector or another backup is at work."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path, metavar="DIRECTORY", help="made when it is not there")
        objects = parser.add_mutually_exclusive_group()
        objects.add_argument(
            "--objects", default=BESIDE, metavar="s3://BUCKET", help="objects go to this bucket instead of the folder"
        )
        objects.add_argument(
            "--no-objects", action="store_const", const="", dest="objects", help="the store has its own replication"
        )
        parser.add_argument(
            "--verify", action="store_true", help="also read the objects of earlier backups; replace what has decayed"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *, directory: Path, objects: str, verify: bool, **options: Any) -> None:
        with Line(self.stderr) as line:
            about = _backup(directory, objects, verify, line)
        self.stdout.write(json.dumps(asdict(about)) if options["json"] else _in_words(about))
        if about.not_copied:
            raise CommandError(
                f"{len(about.not_copied)} object(s) are missing or damaged in the store, and not in the backup: "
                "`manage.py check_storage --full` tells more.",
                returncode=1,
            )


def _backup(directory: Path, where: str, verify: bool, line: Line) -> About:
    try:
        return backup(directory, where=where, verify=verify, progress=line.show if line.is_watched else no_progress)
    except NotAlone as refusal:
        raise CommandError(str(refusal), returncode=3) from refusal
    except (Refusal, StoreError) as error:
        raise CommandError(str(error), returncode=2) from error
    except Error as error:
        raise CommandError("The database does not answer; the backup stopped.", returncode=2) from error
    except OSError as error:
        raise CommandError(f"The folder cannot be written: {error.strerror}.", returncode=2) from error


def _in_words(about: About) -> str:
    lines = [f"not copied: {key}" for key in about.not_copied]
    where = f", objects in {about.objects_at}" if about.objects_at else ", without objects"
    lines.append(f"Backup {about.name}: {about.ledger_rows} objects of {about.bytes} bytes in its ledger{where}.")
    return "\n".join(lines)
