"""Issue and revoke secrets."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.actions.audit import record
from accounts.actor import Actor
from accounts.models import Access, ApiToken
from accounts.models.token import PREFIX_LENGTH, digest, new_plaintext
from accounts.prepared import Insert, Statement
from accounts.refusals import Conflict, Invalid
from accounts.scopes import TokenRights

_insert = Insert(ApiToken)
PURGE = Statement(
    "purge_login_tokens",
    """
DELETE FROM accounts_apitoken WHERE access_id = %s AND kind = 'login' AND id NOT IN (
    SELECT id FROM accounts_apitoken
    WHERE access_id = %s AND kind = 'login' AND revoked_at IS NULL AND expires_at > %s
    ORDER BY id DESC LIMIT %s
)
""",
)
LONGEST_DAYS = 90  # of a token that a person holds; a device's may have no end: a tower must not fall silent


def issue_login_token(access: Access) -> str:
    """Make a token for the next hour and return its plaintext; the oldest beyond the allowed number end.

    A login is a session, not a change of what is kept: it has no audit entry.
    """
    now = timezone.now()
    with transaction.atomic(savepoint=False):
        _purge_login_tokens(access, now)
        _, plaintext = _create(access, kind=ApiToken.Kind.LOGIN, expires_at=now + settings.LOGIN_TOKEN_LIFETIME)
    return plaintext


def _purge_login_tokens(access: Access, now: datetime) -> None:
    moment = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        PURGE.run(cursor, [access.pk, access.pk, moment, settings.LOGIN_TOKENS_MAX - 1])


def issue_device_token(
    access: Access, *, name: str, rights: str = TokenRights.ALL, expires_at: datetime | None = None, by: Actor
) -> tuple[ApiToken, str]:
    """Make a named, long-lived token; return (row, plaintext). The plaintext exists only here."""
    _check_life(access, expires_at)
    try:
        with transaction.atomic():
            token, plaintext = _create(
                access, kind=ApiToken.Kind.DEVICE, name=name, rights=rights, expires_at=expires_at
            )
            record("token.create", token, by=by, after={"access": access.login, "name": name, "rights": rights})
    except IntegrityError as error:
        raise Conflict(f"A living token named {name!r} already exists.") from error
    return token, plaintext


def _check_life(access: Access, expires_at: datetime | None) -> None:
    now = timezone.now()
    if expires_at is not None and expires_at <= now:
        raise Invalid("expires_at must be in the future.", "body", "expires_at")
    if access.scope == "device":
        return
    if expires_at is None or expires_at > now + timedelta(days=LONGEST_DAYS):
        raise Invalid(
            f"A token of this scope lives {LONGEST_DAYS} days at most; only a device's may have no end.",
            "body",
            "expires_at",
        )


def _create(access: Access, **fields: object) -> tuple[ApiToken, str]:
    plaintext = new_plaintext()
    token = ApiToken(access=access, prefix=plaintext[:PREFIX_LENGTH], digest=digest(plaintext), **fields)
    _insert(token)
    return token, plaintext


def revoke(token: ApiToken, *, by: Actor) -> None:
    """End a token now. Revoking twice changes nothing."""
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            record("token.revoke", token, by=by, after={"access": token.access.login, "name": token.name})
    token.refresh_from_db()


def end_login_tokens(access: Access) -> None:
    """What a password, once known, has opened is closed."""
    ApiToken.objects.filter(access=access, kind=ApiToken.Kind.LOGIN).delete()
