from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from accounts.actions.tokens import issue_device_token
from accounts.actor import command
from accounts.management.shell import access_named, refusals
from accounts.scopes import TokenRights


class Command(BaseCommand):
    help = "Make a named token for an access and print it once, alone on standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login")
        parser.add_argument("name", help="what the token is for, such as the name of the tower")
        parser.add_argument("--rights", choices=TokenRights.values, default=TokenRights.ALL.value)
        parser.add_argument("--days", type=int, help="days it lives; a device's may live for ever, others 90 at most")

    def handle(self, *, login: str, name: str, rights: str, days: int | None, **options: Any) -> str:
        access = access_named(login)
        if days is None and access.scope != "device":
            days = 90
        expires_at = timezone.now() + timedelta(days=days) if days is not None else None
        with refusals():
            _, plaintext = issue_device_token(access, name=name, rights=rights, expires_at=expires_at, by=command())
        self.stderr.write(f"Token {name!r} of {access.login}; it is shown this once:")
        return plaintext
