"""Whose something becomes, as commands are told."""

from __future__ import annotations

from django.core.management.base import CommandError

from accounts.models import Access, Organisation
from accounts.names import fold


def owner_named(login: str) -> Access:
    access: Access | None = Access.objects.active().filter(login_key=fold(login)).first()
    if access is None:
        raise CommandError(f"There is no active access with login {login!r}.", returncode=2)
    return access


def organisation_named(name: str) -> int:
    found = Organisation.objects.filter(name_folded=fold(name)).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(f"There is no organisation named {name!r}; make it in the admin.", returncode=2)
    return int(found)
