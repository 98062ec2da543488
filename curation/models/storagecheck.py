from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class StorageCheckQuerySet(models.QuerySet["StorageCheck"]):
    def newest(self, kind: str) -> StorageCheck | None:
        """The one of a kind that began last, whether it came to its end or not."""
        return self.filter(kind=kind).order_by("-began_at", "-pk").first()


class StorageCheck(models.Model):
    """One reading of objects that noted what it found: a nightly scrub, or a full check that can be resumed.

    The row is written when it begins and filled when it ends; one without an end was killed, or is at work.
    """

    class Kind(models.TextChoices):
        SCRUB = "scrub"  # the slice that was read longest ago
        FULL = "full"  # everything not verified since a moment

    kind = models.CharField(max_length=5, choices=Kind)
    since = models.DateTimeField(null=True)  # of a full one: what was verified later is not read again
    began_at = models.DateTimeField(default=timezone.now, db_index=True)
    ended_at = models.DateTimeField(null=True)
    objects_read = models.PositiveBigIntegerField(default=0)
    bytes_read = models.PositiveBigIntegerField(default=0)
    problems = models.PositiveBigIntegerField(default=0)
    stopped = models.CharField(max_length=500, blank=True)  # the sentence it ended with before its end
    # The whole store, as it was when this one ended:
    bytes_kept = models.PositiveBigIntegerField(default=0)
    bytes_verified = models.PositiveBigIntegerField(default=0)  # of these, read and found good within the cycle

    objects: ClassVar[models.Manager[StorageCheck]] = models.Manager.from_queryset(StorageCheckQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=["scrub", "full"]), name="storage_check_kind_is_known"),
            models.CheckConstraint(
                condition=models.Q(kind="scrub", since=None) | models.Q(kind="full", since__isnull=False),
                name="a_full_storage_check_has_a_since",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.began_at:%Y-%m-%d %H:%M}"
