from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.actions.accesses import set_scope
from accounts.actor import command
from accounts.management.shell import access_named, refusals
from accounts.scopes import Scope


class Command(BaseCommand):
    help = "Change what an access may do. Its login tokens and browser sessions end."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login")
        parser.add_argument("scope", choices=Scope.values)

    def handle(self, *, login: str, scope: str, **options: Any) -> str:
        access = access_named(login)
        with refusals():
            set_scope(access, scope, by=command())
        return f"{access.login} has scope {scope}."
