from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.actions.accesses import register
from accounts.actor import command
from accounts.management.passwords import ask
from accounts.management.shell import refusals
from accounts.scopes import Scope


class Command(BaseCommand):
    help = "Register a person or a device. The password is asked for, or read from standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login", help="3 to 50 letters, digits or ._@+-")
        parser.add_argument("--scope", choices=Scope.values, default=Scope.USER.value)
        parser.add_argument("--organisation", help="its name; created when there is none of that name")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
        parser.add_argument("--no-password", action="store_true", help="device tokens only (see create_token)")
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    def handle(self, *, login: str, scope: str, organisation: str | None, json: bool, **options: Any) -> str:
        password = None if options["no_password"] else ask(from_stdin=options["password_stdin"])
        with refusals():
            access = register(login=login, password=password, scope=scope, organisation=organisation, by=command())
        if json:
            return _json({"id": access.pk, "login": access.login, "scope": access.scope})
        return f"Registered {access.login} (id {access.pk}) with scope {access.scope}."


def _json(row: dict[str, Any]) -> str:
    return json.dumps(row)
