from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from accounts.refusals import Refusal
from curation.actions.backups.restore import Restored, restore
from curation.actions.check import no_progress
from curation.management.progress import Line
from curation.storage.errors import StoreError


class Command(BaseCommand):
    help = (
        "Bring a backup back into an empty database and an empty store. Stop the service first. "
        "Exit code: 0 done, 1 done but for objects that the backup does not have whole, 2 refused or stopped "
        "(begin again the same way, it goes on)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path, metavar="DIRECTORY", help="the one that was given to backup")
        parser.add_argument(
            "--name", default="", help="of one of the backups there, such as 20261123T020000Z (the newest)"
        )
        parser.add_argument(
            "--objects", default="", metavar="s3://BUCKET", help="the backup's objects were moved there"
        )
        half = parser.add_mutually_exclusive_group()
        half.add_argument("--no-objects", action="store_true", help="only the database")
        half.add_argument("--no-database", action="store_true", help="only the objects")
        parser.add_argument(
            "--replace",
            action="store_true",
            help="this is the installation that the backup was made of: replace its rows; objects that the backup "
            "does not know stay",
        )
        parser.add_argument(
            "--verify", action="store_true", help="also read the objects that are there; replace what has decayed"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *, directory: Path, **options: Any) -> None:
        with Line(self.stderr) as line:
            restored = _restore(directory, options, line)
        self.stdout.write(_for_programs(restored) if options["json"] else _in_words(restored))
        if restored.copied.failed:
            raise CommandError(f"The backup does not have {restored.copied.failed} object(s) whole.", returncode=1)


def _restore(directory: Path, options: dict[str, Any], line: Line) -> Restored:
    try:
        return restore(
            directory,
            name=options["name"],
            where=options["objects"],
            with_database=not options["no_database"],
            with_objects=not options["no_objects"],
            replace=options["replace"],
            verify=options["verify"],
            progress=line.show if line.is_watched else no_progress,
        )
    except (Refusal, StoreError) as error:
        raise CommandError(str(error), returncode=2) from error
    except Error as error:
        raise CommandError("The database does not answer; the restore stopped.", returncode=2) from error
    except OSError as error:
        raise CommandError(f"The backup cannot be read: {error.strerror}.", returncode=2) from error


def _for_programs(restored: Restored) -> str:
    copied = restored.copied
    return json.dumps(
        {
            "name": restored.about.name,
            "version": restored.about.version,
            "objects_copied": copied.objects,
            "bytes_copied": copied.bytes,
            "failed": copied.failed,
            "not_copied": copied.not_copied,
        }
    )


def _in_words(restored: Restored) -> str:
    copied = restored.copied
    lines = [f"not whole in the backup: {key}" for key in copied.not_copied]
    lines.append(f"Backup {restored.about.name} is back; {copied.objects} objects ({copied.bytes} bytes) were copied.")
    lines.append("Now: manage.py check_storage --full, manage.py prepare, and start the service.")
    return "\n".join(lines)
