"""The cast of the tests: who asks, and how they ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rest_framework.test import APIClient

from accounts.models import Access, ApiToken, Organisation
from accounts.models.token import PREFIX_LENGTH, digest, new_plaintext
from accounts.names import fold
from accounts.scopes import SEES, Scope, TokenRights

PASSWORD = "a long enough phrase"


def make_access(login: str, scope: str, organisation: Organisation | None = None, **columns: Any) -> Access:
    """An access with no usable password: hashing takes longer than most tests (see `with_password`)."""
    access: Access = Access.objects.create(
        login=login,
        login_key=fold(login),
        scope=scope,
        sees=SEES[scope],
        organisation=organisation,
        password="!",
        **columns,
    )
    return access


def with_password(access: Access, password: str = PASSWORD) -> Access:
    access.set_password(password)
    access.save(update_fields=["password"])
    return access


def token_of(access: Access, *, rights: str = TokenRights.ALL, **columns: Any) -> str:
    """The plaintext of a fresh device token."""
    plaintext = new_plaintext()
    count = access.tokens.count()
    row = {"kind": ApiToken.Kind.DEVICE, "name": f"test {count}", "rights": rights} | columns
    ApiToken.objects.create(access=access, prefix=plaintext[:PREFIX_LENGTH], digest=digest(plaintext), **row)
    return plaintext


def api(access: Access | None = None, *, rights: str = TokenRights.ALL) -> APIClient:
    """A client of the API that asks as `access`; without one it brings no token."""
    client = APIClient()
    if access is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token_of(access, rights=rights)}")
    return client


@dataclass(frozen=True)
class Cast:
    """Ana annotates, Carl curates, Ada administers, the tower is a device; Olga and the other tower are strangers."""

    ana: Access
    carl: Access
    ada: Access
    tower: Access
    olga: Access
    other_tower: Access


def make_cast() -> Cast:
    forest = Organisation.objects.create(name="Forest Watch")
    valley = Organisation.objects.create(name="Valley Watch")
    return Cast(
        ana=make_access("ana", Scope.USER, forest),
        carl=make_access("carl", Scope.CURATOR, forest),
        ada=make_access("ada", Scope.ADMIN),
        tower=make_access("tower-1", Scope.DEVICE, forest),
        olga=make_access("olga", Scope.USER, valley),
        other_tower=make_access("tower-2", Scope.DEVICE, valley),
    )
