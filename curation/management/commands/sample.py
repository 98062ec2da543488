from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from accounts.actor import command
from accounts.refusals import Refusal
from curation.actions import collections, sampling, searching
from curation.actions.sampling import ORDERS, PER, Drawn


class Command(BaseCommand):
    help = (
        "Draw media from what a search finds. The same search, order, quota and seed over the same rows draw the same "
        "media, on any database. Without --keep nothing is written. Exit code: 0 done, 1 refused, 2 the database does "
        "not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--query", default="", help="filters of the list of media: label_kind=false_positive&light=day"
        )
        parser.add_argument("--order", choices=ORDERS, default="random")
        parser.add_argument("--count", type=int, default=500, help="media at most (default: 500)")
        parser.add_argument("--per", choices=PER, default="", help="what --at-most counts")
        parser.add_argument("--at-most", type=int, default=0, help="media of one view, camera, sequence or day")
        parser.add_argument("--seed", type=int, default=0, help="other media for another number (default: 0)")
        parser.add_argument("--keep", metavar="NAME", help="keep it under this name as a frozen collection")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, **options: Any) -> None:
        sample = {name: options[name] for name in ("order", "count", "per", "at_most", "seed")}
        try:
            query = _query(options["query"])
            drawn = sampling.draw(searching.understood(query), sampling.sampling_of(sample), access=None)
            if options["keep"]:
                collections.keep(options["keep"], query=query, sample=sample, drawn=drawn, by=command())
        except Refusal as refusal:
            raise CommandError(_sentence(refusal)) from refusal
        except Error as error:
            raise CommandError("The database does not answer.", returncode=2) from error
        self.stdout.write(json.dumps({"ids": drawn.ids} | drawn.report) if options["json"] else _in_words(drawn))


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, strict_parsing=True, keep_blank_values=True)) if text else {}
    except ValueError as error:
        raise CommandError("--query is written name=value&name=value.") from error


def _sentence(refusal: Refusal) -> str:
    where = getattr(refusal, "where", ())
    return f"{where[-1]}: {refusal}" if where else str(refusal)


def _in_words(drawn: Drawn) -> str:
    told = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in drawn.report.items())
    return "\n".join([*map(str, drawn.ids), told])
