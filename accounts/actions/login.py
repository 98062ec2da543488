"""Password login, alike for the API and the admin site."""

from __future__ import annotations

from django.contrib.auth import authenticate
from django.http.request import HttpRequest

from accounts import lockout
from accounts.actions.tokens import issue_login_token
from accounts.models import Access
from accounts.refusals import NotAuthenticated, TooMany


def log_in(login: str, password: str, *, request: HttpRequest) -> str:
    """Return a token for the next hour.

    `request` is passed on to the count of failures, which needs the address.
    Raises NotAuthenticated, or TooMany after too many failures; both look alike for known and unknown names.
    """
    access = authenticate(request=request, username=login, password=password)
    if lockout.is_locked_out(request):
        raise TooMany(lockout.SENTENCE, retry_after=lockout.retry_after())
    if not isinstance(access, Access):
        raise NotAuthenticated("Invalid credentials.")
    return issue_login_token(access)
