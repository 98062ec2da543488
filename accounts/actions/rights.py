"""Ask again, at the moment of the commit, whether the actor may still do it (long uploads outlive rights)."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import Access, ApiToken
from accounts.prepared import Prepared
from accounts.refusals import NotAuthenticated, ScopeRefused


def recheck(by: Actor) -> None:
    """Refuse when the access was switched off or its scope changed, or its token ended, since the request began."""
    if by.access is None or (by.token and _token_opens(by.token, by.access)):
        return
    if not Access.objects.active().filter(pk=by.access.pk, scope=by.access.scope).exists():
        raise ScopeRefused
    if by.token and not ApiToken.objects.living().filter(pk=by.token.pk).exists():
        raise NotAuthenticated("Token has expired.")


def _token_opens(token: ApiToken, access: Access) -> bool:
    """Both answers in one query; only a "no" is looked into further."""
    return _SAME.exists(token_id=token.pk, scope=access.scope, now=timezone.now())


def _same(token_id: int, scope: str, now: datetime) -> QuerySet[ApiToken]:
    living: QuerySet[ApiToken] = ApiToken.objects.living(now)
    return living.filter(pk=token_id, access__is_active=True, access__scope=scope)


_SAME = Prepared(_same, token_id=int, scope=str, now=datetime)
