from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied
from django.http.request import HttpRequest

from accounts import lockout
from accounts.models import Access
from accounts.names import fold
from accounts.passwords import LONGEST


class AccessBackend(BaseBackend):
    """Password login by folded name. The work is the same whether the name is known, unknown or switched off."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Access | None:
        if username is None or password is None or len(password) > LONGEST or "\0" in username + password:
            return None
        if request is not None and lockout.address_is_locked(request):
            request.axes_locked_out = True  # type: ignore[attr-defined]
            raise PermissionDenied
        access: Access | None = Access.objects.filter(login_key=fold(username)).first()
        if access is None:
            make_password(password)  # takes as long as a comparison
            return None
        return access if access.check_password(password) and access.is_active else None

    def get_user(self, user_id: int) -> Access | None:
        access: Access | None = Access.objects.active().filter(pk=user_id).first()
        return access
