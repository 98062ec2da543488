from __future__ import annotations

import logging

from django.db import DatabaseError
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import Access, ApiToken

log = logging.getLogger(__name__)


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN`. Nothing else opens the API: no cookie, no header set by a proxy."""

    def authenticate(self, request: Request) -> tuple[Access, ApiToken] | None:
        scheme, _, plaintext = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        token = ApiToken.objects.opened_by(plaintext.strip().decode("latin-1"))
        if token is None:
            raise AuthenticationFailed("Token has expired.")
        _note_use(token)
        return token.access, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _note_use(token: ApiToken) -> None:
    """Keep the hour of last use, so that forgotten tokens can be found: one write an hour, and never a request."""
    if token.used_lately:
        return
    try:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=timezone.now())
    except DatabaseError:  # read-only or busy: the request itself may still be answered
        log.warning("The last use of a token could not be noted.", exc_info=True)
