"""Ask again, at the moment of the commit, whether the actor may still do it (long uploads outlive rights)."""

from __future__ import annotations

from accounts.actor import Actor
from accounts.models import Access, ApiToken
from accounts.refusals import NotAuthenticated, ScopeRefused


def recheck(by: Actor) -> None:
    """Refuse when the access was switched off or its scope changed, or its token ended, since the request began."""
    if by.access is None:
        return
    if not Access.objects.active().filter(pk=by.access.pk, scope=by.access.scope).exists():
        raise ScopeRefused
    if by.token and not ApiToken.objects.living().filter(pk=by.token.pk).exists():
        raise NotAuthenticated("Token has expired.")
