from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Count, F, Sum

from curation.models import Media


class Command(BaseCommand):
    help = (
        "How many files and bytes each organisation's media have, deleted ones included until they are freed. "
        "Bytes that several media share count for each of them, so that the store may hold less."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, **options: Any) -> None:
        media = Media.objects.stored().order_by().values(name=F("organisation__name"))
        usage = sorted(media.annotate(files=Count("pk"), bytes=Sum("size")), key=lambda row: -row["bytes"])
        if options["json"]:
            self.stdout.write(json.dumps({"organisations": usage}))
            return
        self.stdout.write(f"{'files':>10} {'bytes':>16}  organisation")
        for row in usage:
            self.stdout.write(f"{row['files']:>10} {row['bytes']:>16}  {row['name'] or 'none'}")
