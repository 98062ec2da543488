"""Password login, alike for the API and the admin site."""

from __future__ import annotations

from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.http.request import HttpRequest
from django.utils import timezone

from accounts import lockout
from accounts.actions.tokens import issue_login_token
from accounts.models import Access
from accounts.prepared import Prepared
from accounts.refusals import NotAuthenticated, TooMany

_ACCESS = Prepared(lambda access_id: Access.objects.filter(pk=access_id), access_id=int)


def log_in(login: str, password: str, *, request: HttpRequest) -> str:
    """Return a token for the next hour.

    Raises NotAuthenticated, or TooMany after too many failures; both look alike for known and unknown names.
    """
    access = confirm(login, password, request=request)
    if access is None:
        raise NotAuthenticated("Invalid credentials.")
    with transaction.atomic():  # one commit, not four
        if getattr(request, "has_failures", True):
            user_logged_in.send(sender=Access, request=request, user=access)  # forgets them
        else:
            _ACCESS.update({"last_login": timezone.now()}, access_id=access.pk)
        return issue_login_token(access)


def confirm(login: str, password: str, *, request: HttpRequest) -> Access | None:
    """The active access that login and password belong to, or None, which is counted as a failure.

    `request` is passed on to that count, which needs the address. Raises TooMany.
    """
    access = authenticate(request=request, username=login, password=password)
    if lockout.is_locked_out(request):
        raise TooMany(lockout.SENTENCE, retry_after=lockout.retry_after())
    return access if isinstance(access, Access) else None
