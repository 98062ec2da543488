"""What the commands of accounts share: find an access by its login, and turn refusals into one line and exit code 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from accounts.models import Access
from accounts.names import fold
from accounts.refusals import Refusal


def access_named(login: str) -> Access:
    access: Access | None = Access.objects.living().filter(login_key=fold(login)).first()
    if access is None:
        raise CommandError(f"There is no access with login {login!r}.")
    return access


@contextmanager
def refusals() -> Iterator[None]:
    try:
        yield
    except Refusal as refusal:
        raise CommandError(str(refusal)) from refusal
