from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actions.tokens import revoke
from accounts.actor import command
from accounts.management.shell import access_named
from accounts.models import ApiToken


class Command(BaseCommand):
    help = "End tokens of an access, now: one by its name or shown prefix, or all of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login")
        parser.add_argument("token", nargs="?", help="name or prefix")
        parser.add_argument("--all", action="store_true", help="every token, login tokens included")

    def handle(self, *, login: str, token: str | None, **options: Any) -> str:
        if bool(token) == bool(options["all"]):
            raise CommandError("Give the name or prefix of a token, or --all.")
        living = ApiToken.objects.living().filter(access=access_named(login))
        found = [row for row in living if token in (None, row.name, row.prefix)]
        if token and len(found) != 1:
            raise CommandError(f"{len(found)} living tokens of {login} are named {token!r}.")
        for row in found:
            revoke(row, by=command())
        return f"Revoked {len(found)} token(s) of {login}."
