"""Register people and devices; change their password and scope; delete them."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http.request import HttpRequest
from django.utils import timezone

from accounts.actions.audit import record
from accounts.actions.login import confirm
from accounts.actions.organisations import named
from accounts.actions.tokens import end_login_tokens
from accounts.actor import Actor
from accounts.models import Access, Organisation
from accounts.names import NEW_LOGIN, fold
from accounts.refusals import Conflict, Invalid
from accounts.scopes import SEES, Scope


def register(
    *,
    login: str,
    password: str | None,
    scope: str = Scope.USER,
    organisation: Organisation | str | None = None,
    by: Actor,
) -> Access:
    """Create an access. Without a password it can only ask with a device token.

    organisation: a row, or a name; one of a new name is created with the access, or not at all.
    Raises Invalid for a login or password that is not allowed, Conflict when the login (or one that
    folds alike) is taken.
    """
    if not NEW_LOGIN.fullmatch(login):
        raise Invalid("login must be 3 to 50 letters, digits or ._@+-", "body", "login")
    access = Access(login=login, login_key=fold(login), scope=scope, sees=SEES[scope])
    access.password = hashed(password, access)
    try:
        with transaction.atomic():
            access.organisation = named(organisation, by=by) if isinstance(organisation, str) else organisation
            access.save()
            record("access.create", access, by=by, after={"login": login, "scope": scope})
    except IntegrityError as error:
        raise Conflict(f"An entry with login='{login}' already exists.") from error
    return access


def hashed(password: str | None, access: Access) -> str:
    """The stored form of a password that passes every rule; None gives one that nothing opens.

    The slow work is done here, outside of any transaction.
    """
    if password is None:
        return make_password(None)
    try:
        validate_password(password, access)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), "body", "password") from error
    return make_password(password)


def set_password(access: Access, password: str, *, by: Actor) -> None:
    """Replace the password; login tokens and browser sessions end. Raises Invalid."""
    stored = hashed(password, access)
    with transaction.atomic():
        Access.objects.filter(pk=access.pk).update(password=stored, updated_at=timezone.now())
        end_login_tokens(access)
        record("access.password", access, by=by)
    access.password = stored


def change_own_password(access: Access, *, current: str, new: str, by: Actor, request: HttpRequest) -> None:
    """As set_password, for oneself; the current password must be right.

    Wrong ones are counted as failed logins are: a stolen token must not become a way to guess the password.
    Raises Invalid, TooMany.
    """
    if confirm(access.login, current, request=request) is None:
        raise Invalid("The current password is not right.", "body", "current_password")
    set_password(access, new, by=by)


def set_scope(access: Access, scope: str, *, by: Actor) -> None:
    """Change what an access may do and, with it, what it sees; login tokens and sessions end.

    Raises Conflict for the last active admin.
    """
    if scope == access.scope:
        return
    with transaction.atomic():
        _keep_an_admin(access, stays_admin=scope == Scope.ADMIN)
        before = {"scope": access.scope, "sees": access.sees}
        access.scope, access.sees = scope, SEES[scope]
        access.save(update_fields=["scope", "sees", "updated_at"])
        end_login_tokens(access)
        record("access.scope", access, by=by, before=before, after={"scope": scope, "sees": access.sees})


def set_active(access: Access, active: bool, *, by: Actor) -> None:
    """Switch an access off, or on again. Raises Conflict for the last active admin."""
    if active == access.is_active:
        return
    with transaction.atomic():
        _keep_an_admin(access, stays_admin=active)
        access.is_active = active
        access.save(update_fields=["is_active", "updated_at"])
        end_login_tokens(access)
        record("access.active", access, by=by, before={"is_active": not active}, after={"is_active": active})


def set_view(
    access: Access, *, sees: str, organisation: Organisation | None, listed: list[Organisation], by: Actor
) -> None:
    """Change whose rows an access finds and which organisation stamps what it sends."""
    with transaction.atomic():
        before = _view(access)
        access.sees, access.organisation = sees, organisation
        access.save(update_fields=["sees", "organisation", "updated_at"])
        access.listed.set(listed)
        after = _view(access)
        if after != before:
            record("access.view", access, by=by, before=before, after=after)


def _view(access: Access) -> dict[str, object]:
    listed = list(access.listed.order_by("pk").values_list("name", flat=True))
    return {"sees": access.sees, "organisation": str(access.organisation or ""), "listed": listed}


def delete(access: Access, *, by: Actor) -> None:
    """End an access: nothing it holds opens anything, its login is free again, its name stays in history.

    Raises Conflict for the last active admin.
    """
    with transaction.atomic():
        _keep_an_admin(access, stays_admin=False)
        now = timezone.now()
        Access.objects.living().filter(pk=access.pk).update(
            is_active=False, deleted_at=now, updated_at=now, login_key=f"deleted:{access.pk}:{access.login_key}"[:100]
        )
        end_login_tokens(access)
        access.tokens.living(now).update(revoked_at=now)
        record("access.delete", access, by=by, before={"login": access.login, "scope": access.scope})


def _keep_an_admin(access: Access, *, stays_admin: bool) -> None:
    """Refuse to lose the last active admin.

    All admins' rows are locked in id order first: two admins who remove each other at the same moment would
    otherwise each find the other one left. (SQLite has one writer at a time, and ignores the lock.)
    """
    if stays_admin or access.scope != Scope.ADMIN:
        return
    admins = list(Access.objects.admins().select_for_update().order_by("pk").values_list("pk", flat=True))
    if admins == [access.pk]:
        raise Conflict("This is the last active admin; make another one first.")
