"""Whether the scope and the token allow the operation; whether the row does is decided by the view."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import Access, ApiToken
from accounts.refusals import ScopeRefused
from accounts.scopes import Right


class HasRight(BasePermission):
    """Looks the right up in the view's `rights`: by action name, or by method where a view has no actions.

    A view that forgot to say is closed (a test proves that none forgot); a method that the view does not
    have goes on to its 405.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, ApiToken) or not isinstance(request.user, Access):
            return False
        right = needed(view, request.method or "")
        if right is None:
            return True
        if not request.user.may(right, token_rights=request.auth.rights):
            raise ScopeRefused
        return True


def needed(view: Any, method: str) -> Right | None:
    """The right that a method of a view needs; None for a method that it does not have (405 follows)."""
    method = "get" if method == "HEAD" else method.lower()
    if getattr(view, "action_map", None) is not None:
        action = view.action_map.get(method)
        return view.rights[action] if action else None
    right: Right | None = view.rights.get(method)
    return right
