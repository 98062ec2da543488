from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models.organisation import Organisation
from accounts.names import fold
from accounts.scopes import ENTERS_ADMIN, Right, Scope, Sees, TokenRights, may, may_in_admin


class AccessQuerySet(models.QuerySet["Access"]):
    def living(self) -> AccessQuerySet:
        return self.filter(deleted_at=None)

    def active(self) -> AccessQuerySet:
        return self.living().filter(is_active=True)

    def admins(self) -> AccessQuerySet:
        return self.active().filter(scope=Scope.ADMIN)


class AccessManager(BaseUserManager["Access"].from_queryset(AccessQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, username: str | None) -> Access:
        access: Access = self.get(login_key=fold(username or ""))
        return access


class Access(AbstractBaseUser):
    """A person or a device that may ask. Its scope says what it may do, `sees` what it finds.

    There are no groups and no permission tables that could disagree with the scope.
    """

    login = models.CharField(max_length=50)
    login_key = models.CharField(max_length=100, unique=True, editable=False)  # folded; frees the login when deleted
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.USER)
    is_active = models.BooleanField("active", default=True)
    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, blank=True, related_name="accesses")
    sees = models.CharField(max_length=10, choices=Sees, default=Sees.OWN)
    listed = models.ManyToManyField(Organisation, blank=True, related_name="seen_by")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[AccessManager] = AccessManager()

    USERNAME_FIELD = "login_key"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["login"]

    class Meta:
        verbose_name_plural = "accesses"
        constraints = [
            models.CheckConstraint(condition=models.Q(scope__in=Scope.values), name="access_scope_is_known"),
            models.CheckConstraint(condition=models.Q(sees__in=Sees.values), name="access_sees_is_known"),
            models.CheckConstraint(condition=~models.Q(login_key=""), name="access_has_a_login"),
            models.CheckConstraint(
                condition=models.Q(deleted_at=None) | models.Q(is_active=False), name="access_deleted_is_not_active"
            ),
        ]
        indexes = [
            models.Index(fields=["scope", "id"], name="access_by_scope"),
            models.Index(fields=["is_active", "id"], name="access_by_activity"),
        ]

    def __str__(self) -> str:
        return self.login

    def get_username(self) -> str:
        return self.login

    @property
    def is_staff(self) -> bool:
        return self.is_active and self.scope in ENTERS_ADMIN

    @property
    def is_superuser(self) -> bool:
        return self.is_active and self.scope == Scope.ADMIN

    def may(self, right: Right, *, token_rights: str = TokenRights.ALL) -> bool:
        return self.is_active and may(self.scope, right, token_rights=token_rights)

    def has_perm(self, perm: str, obj: models.Model | None = None) -> bool:
        return self.is_active and may_in_admin(self.scope, perm)

    def has_perms(self, perm_list: Iterable[str], obj: models.Model | None = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Ends browser sessions when the password, the scope or the state changes (Django compares it per request)."""
        state = f"{self.password}|{self.scope}|{self.is_active}"
        return salted_hmac(
            "accounts.Access.session", state, secret=secret or settings.SECRET_KEY, algorithm="sha256"
        ).hexdigest()

    def get_session_auth_hash(self) -> str:
        return self._get_session_auth_hash()
