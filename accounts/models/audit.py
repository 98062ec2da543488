from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import models
from django.utils import timezone

from accounts.models.access import Access


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """History only grows: there is nothing here that changes or removes a row."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise TypeError("History is append-only: rows are never changed.")

    def delete(self) -> NoReturn:
        raise TypeError("History is append-only: rows are never removed.")

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("History is append-only: rows are never changed.")


class AppendOnly(models.Model):
    """A line of history: saved once, never changed or removed (on PostgreSQL a trigger says so too)."""

    objects: ClassVar[models.Manager[Any]] = models.Manager.from_queryset(AppendOnlyQuerySet)()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("History is append-only: rows are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("History is append-only: rows are never removed.")


class AuditEntry(AppendOnly):
    """One committed change: who, when, by which door, from what to what. Refusals are log lines, not rows."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.ForeignKey(Access, models.PROTECT, null=True, related_name="+")
    actor_login = models.CharField(max_length=100, blank=True)  # stays readable whatever becomes of the access
    door = models.CharField(max_length=10)  # api | admin | command | job
    action = models.CharField(max_length=50)  # "media.upload"
    table = models.CharField(max_length=50)
    row_id = models.BigIntegerField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["table", "row_id", "id"], name="audit_of_a_row"),
            models.Index(fields=["door", "id"], name="audit_by_door"),
            models.Index(fields=["action", "id"], name="audit_by_action"),
            models.Index(fields=["actor_login"], name="audit_by_login", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.table} {self.row_id} by {self.actor_login or self.door}"
