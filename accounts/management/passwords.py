"""Passwords for commands: asked for, or one line of standard input.

Never an argument: every user of the machine could read it.
"""

from __future__ import annotations

import getpass
import sys

from django.core.management.base import CommandError


def ask(*, from_stdin: bool) -> str:
    """The new password. On a terminal it is asked for twice."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise CommandError("Standard input held no password.")
        return password
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask on; give the password with --password-stdin.")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Once more: "):
        raise CommandError("The two passwords differ.")
    return password
