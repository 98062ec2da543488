from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error
from django.utils import timezone

from curation.actions.leases import seconds_since_a_worker


class Command(BaseCommand):
    help = "Has any worker given a sign of life lately? Exit code: 0 yes, 1 no, 2 the database does not answer."
    requires_system_checks = []  # asked every minute

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--within", type=int, default=90, metavar="SECONDS", help="how lately (90)")

    def handle(self, *, within: int, **options: Any) -> None:
        try:
            ago = seconds_since_a_worker(timezone.now())
        except Error as error:
            raise CommandError("The database does not answer.", returncode=2) from error
        if ago is None or ago > within:
            raise CommandError(f"No worker has been seen for {within} s.")
        self.stdout.write(f"A worker was seen {ago:.0f} s ago.")
