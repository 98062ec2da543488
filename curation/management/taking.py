"""What commands share that take in a folder, an archive or a bucket's prefix."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser


def add_options(parser: CommandParser, *, owner: str, organisation: str) -> None:
    """owner, organisation: what these two mean for what is taken in."""
    parser.add_argument("--owner", metavar="LOGIN", help=owner)
    parser.add_argument("--organisation", metavar="NAME", help=organisation)
    parser.add_argument("--parallel", type=int, default=4, metavar="N", help="transfers to the store at a time (4)")
    parser.add_argument("--dry-run", action="store_true", help="read and judge everything, write nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line of standard output")


def parallel(options: dict[str, Any]) -> int:
    if not 1 <= options["parallel"] <= 64:
        raise CommandError("--parallel is a number from 1 to 64.", returncode=2)
    return int(options["parallel"])
