from __future__ import annotations

from typing import Any

from axes.backends import AxesStandaloneBackend
from django.conf import settings
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied
from django.http.request import HttpRequest

from accounts import lockout
from accounts.models import Access
from accounts.names import fold
from accounts.passwords import LONGEST
from accounts.prepared import Prepared

_BY_LOGIN = Prepared(lambda login_key: Access.objects.filter(login_key=login_key), login_key=str)


class AttemptsBackend(AxesStandaloneBackend):  # type: ignore[misc]  # axes has no types
    """Sends away addresses and accounts that failed too often.

    From an address without any failure no account has one either, so axes is asked about the others alone.
    """

    def authenticate(self, request: HttpRequest | None, *args: Any, **kwargs: Any) -> None:
        failures = lockout.failures_of_address(request) if request else 0
        if request:
            request.has_failures = failures > 0  # type: ignore[attr-defined]  # what a login makes forgotten
        if request and failures >= settings.FAILURES_PER_ADDRESS:
            request.axes_locked_out = True  # type: ignore[attr-defined]
            raise PermissionDenied
        if failures or request is None:
            super().authenticate(request, *args, **kwargs)


class AccessBackend(BaseBackend):
    """Password login by folded name. The work is the same whether the name is known, unknown or switched off."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Access | None:
        if username is None or password is None or len(password) > LONGEST or "\0" in username + password:
            return None
        access = _BY_LOGIN.first(login_key=fold(username))
        if access is None:
            make_password(password)  # takes as long as a comparison
            return None
        return access if access.check_password(password) and access.is_active else None

    def get_user(self, user_id: int) -> Access | None:
        access: Access | None = Access.objects.active().filter(pk=user_id).first()
        return access
