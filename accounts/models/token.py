from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import connection, models
from django.utils import timezone

from accounts.models.access import Access
from accounts.prepared import Statement
from accounts.scopes import TokenRights

MARK = "pyro_"  # lets secret scanners know one when they see it
PREFIX_LENGTH = 12  # characters shown in lists


def digest(plaintext: str) -> str:
    """SHA-256 as hex. Enough for 256 random bits, which no dictionary holds."""
    return hashlib.sha256(plaintext.encode()).hexdigest()


USE_NOTED_EVERY = timedelta(hours=1)
TOKEN_COLUMNS = ["id", "access_id", "rights"]
# In the order of the models' fields: `from_db` hands values out in that order, whatever the names say.
ACCESS_COLUMNS = ["id", "login", "login_key", "scope", "is_active", "organisation_id", "sees"]
OPENED_BY = Statement(
    "token_opened_by",
    """
SELECT t.last_used_at > %s,
       t.id, t.access_id, t.rights,
       a.id, a.login, a.login_key, a.scope, a.is_active, a.organisation_id, a.sees
FROM accounts_apitoken t JOIN accounts_access a ON a.id = t.access_id
WHERE t.digest = %s AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > %s) AND a.is_active
""",
)


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def living(self, now: datetime | None = None) -> ApiTokenQuerySet:
        """Neither revoked nor expired."""
        unexpired = models.Q(expires_at=None) | models.Q(expires_at__gt=now or timezone.now())
        return self.filter(unexpired, revoked_at=None)

    def opened_by(self, plaintext: str, now: datetime | None = None) -> ApiToken | None:
        """The living token of an active access that this plaintext opens, with its access, or None.

        The row is found by the digest of what was sent, so no comparison tells how near a guess was.
        The columns not read here are fetched when asked for.
        """
        now = now or timezone.now()
        adapt = connection.ops.adapt_datetimefield_value
        with connection.cursor() as cursor:
            OPENED_BY.run(cursor, [adapt(now - USE_NOTED_EVERY), digest(plaintext), adapt(now)])
            row = cursor.fetchone()
        if row is None:
            return None
        used_lately, *columns = row
        token = ApiToken.from_db(connection.alias, TOKEN_COLUMNS, columns[: len(TOKEN_COLUMNS)])
        token.access = Access.from_db(connection.alias, ACCESS_COLUMNS, columns[len(TOKEN_COLUMNS) :])
        token.used_lately = bool(used_lately)
        return token


class ApiToken(models.Model):
    """A secret that opens the API. Only its digest is kept; the plaintext is shown once."""

    class Kind(models.TextChoices):
        LOGIN = "login"  # by password, for an hour
        DEVICE = "device"  # named, long-lived, revocable

    access = models.ForeignKey(Access, models.CASCADE, related_name="tokens")
    kind = models.CharField(max_length=6, choices=Kind)
    name = models.CharField(max_length=100, blank=True)
    prefix = models.CharField(max_length=PREFIX_LENGTH, db_index=True)
    digest = models.CharField(max_length=64, unique=True)
    rights = models.CharField(max_length=6, choices=TokenRights, default=TokenRights.ALL)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)  # to the hour
    used_lately = False  # whether the present hour is noted already; set by `opened_by`

    objects: ClassVar[models.Manager[ApiToken]] = models.Manager.from_queryset(ApiTokenQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(kind="login") | models.Q(expires_at__isnull=False), name="login_token_expires"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="device") | ~models.Q(name=""), name="device_token_has_a_name"
            ),
            models.CheckConstraint(condition=models.Q(rights__in=TokenRights.values), name="token_rights_are_known"),
            models.UniqueConstraint(
                fields=["access", "name"],
                condition=models.Q(kind="device", revoked_at=None),
                name="living_device_token_names_differ",
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "id"], name="token_by_kind"),
            models.Index(fields=["revoked_at", "expires_at"], name="token_by_end"),
            models.Index(fields=["name"], name="token_by_name", opclasses=["varchar_pattern_ops"]),  # its beginning
        ]

    def __str__(self) -> str:
        return f"{self.name or self.kind} {self.prefix}…"

    def is_living(self, now: datetime | None = None) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > (now or timezone.now()))


def new_plaintext() -> str:
    """A fresh secret of 256 random bits."""
    return MARK + secrets.token_urlsafe(32)
