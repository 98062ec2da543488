"""The first admin of a new installation."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.conf import settings

from accounts.actions.accesses import register
from accounts.actor import command
from accounts.models import Access
from accounts.refusals import Conflict
from accounts.scopes import Scope


@dataclass(frozen=True, slots=True)
class FirstAdmin:
    access: Access
    generated: str  # the password when it was made here; "" when it was given


def ensure_first_admin() -> FirstAdmin | None:
    """Register an admin where there is no access yet; None when there is one already.

    Login and password are SUPERUSER_LOGIN and SUPERUSER_PWD; without them `admin` and a random password.
    """
    if Access.objects.exists():
        return None
    generated = "" if settings.SUPERUSER_PWD else secrets.token_urlsafe(12)
    try:
        access = register(
            login=settings.SUPERUSER_LOGIN or "admin",
            password=settings.SUPERUSER_PWD or generated,
            scope=Scope.ADMIN,
            by=command(),
        )
    except Conflict:  # another host was faster
        return None
    return FirstAdmin(access, generated)
