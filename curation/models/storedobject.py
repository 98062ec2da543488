from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils import timezone


class StoredObjectQuerySet(models.QuerySet["StoredObject"]):
    def lost(self) -> StoredObjectQuerySet:
        """Known to be missing or damaged; an upload of the same bytes heals them."""
        return self.filter(state__in=[StoredObject.State.MISSING, StoredObject.State.DAMAGED])

    def collectable(self, *, before: datetime, now: datetime | None = None) -> StoredObjectQuerySet:
        """Not touched since `before` and not held; whether a row refers to it is asked apart."""
        now = now or timezone.now()
        unheld = models.Q(hold_until=None) | models.Q(hold_until__lte=now)
        unleased = models.Q(lease_until=None) | models.Q(lease_until__lte=now)
        return self.filter(unheld, unleased, touched_at__lte=before).exclude(state=StoredObject.State.DELETING)


class StoredObject(models.Model):
    """The ledger: one row per object key. It is the lock of the key, the scrub's cursor and the collector's list.

    A row that was once `deleting` never comes back: it is removed, and the key may begin anew under another id.
    """

    class State(models.TextChoices):
        WRITING = "writing"
        READY = "ready"
        DELETING = "deleting"
        MISSING = "missing"
        DAMAGED = "damaged"

    key = models.CharField(max_length=200, unique=True)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.BigIntegerField()  # bytes
    content_type = models.CharField(max_length=100)
    state = models.CharField(max_length=8, choices=State, default=State.WRITING)
    lease_until = models.DateTimeField(null=True)  # while a writer is at work
    hold_until = models.DateTimeField(null=True)  # kept till then even if no row refers to it
    touched_at = models.DateTimeField(default=timezone.now, db_index=True)  # last time a writer met it
    verified_at = models.DateTimeField(null=True, db_index=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[models.Manager[StoredObject]] = models.Manager.from_queryset(StoredObjectQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(size__gte=0), name="object_size_is_not_negative"),
            models.CheckConstraint(
                condition=models.Q(state__in=["writing", "ready", "deleting", "missing", "damaged"]),
                name="object_state_is_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="writing") | models.Q(lease_until__isnull=False),
                name="object_being_written_has_a_lease",
            ),
        ]
        indexes = [models.Index(fields=["state", "id"], name="object_by_state")]

    def __str__(self) -> str:
        return self.key
