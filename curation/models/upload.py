from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Access
from accounts.scopes import Sees
from curation.models.media import Media


class UploadQuerySet(models.QuerySet["Upload"]):
    def visible_to(self, access: Access) -> UploadQuerySet:
        """One's own; all of them for who sees everything."""
        return self if access.sees == Sees.ALL else self.filter(owner=access)

    def under_way(self) -> UploadQuerySet:
        return self.filter(finished_at=None)

    def idle(self, now: datetime) -> UploadQuerySet:
        """Under way as far as the row says, but nobody asked for it in time."""
        return self.under_way().filter(expires_at__lte=now)

    def to_clear(self, before: datetime) -> UploadQuerySet:
        """Ended before that moment, with what it left in the store still there."""
        return self.filter(cleared_at=None, finished_at__lte=before)


class Upload(models.Model):
    """A file on its way straight into the store; a media only after it has arrived and was read back."""

    class State(models.TextChoices):
        OPEN = "open"
        COMPLETING = "completing"  # all is there as the client says; a job reads it back
        DONE = "done"
        REFUSED = "refused"  # arrived, but is not what was declared
        EXPIRED = "expired"
        CANCELLED = "cancelled"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="uploads", db_index=False)
    media = models.ForeignKey(Media, models.PROTECT, null=True, related_name="uploads")  # to fill, or the one made
    makes_media = models.BooleanField()  # False: fills a media that was announced before
    type = models.CharField(max_length=5, choices=Media.Type)
    name = models.CharField(max_length=255, blank=True)
    size = models.BigIntegerField()  # bytes, as declared
    sha256 = models.CharField(max_length=64)  # as declared
    described = models.JSONField(default=dict)  # what a client says of the picture, by columns of Media; times as text
    incoming_key = models.CharField(max_length=200, unique=True)
    multipart_id = models.CharField(max_length=500, blank=True)  # of the store; "" = one PUT
    part_size = models.BigIntegerField(null=True)  # bytes; NULL = one PUT
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    error = models.CharField(max_length=500, blank=True)  # why it was refused
    expires_at = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)  # NULL = under way
    cleared_at = models.DateTimeField(null=True)  # since then nothing of it is left below its incoming key

    objects: ClassVar[models.Manager[Upload]] = models.Manager.from_queryset(UploadQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(size__gt=0), name="an_upload_has_bytes"),
            models.CheckConstraint(
                condition=models.Q(state__in=["open", "completing", "done", "refused", "expired", "cancelled"]),
                name="upload_state_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(makes_media=True) | models.Q(media__isnull=False), name="upload_fills_or_makes_media"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="done") | models.Q(media__isnull=False), name="a_done_upload_has_a_media"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["open", "completing"], finished_at=None, cleared_at=None)
                | (~models.Q(state__in=["open", "completing"]) & models.Q(finished_at__isnull=False)),
                name="an_upload_has_an_end_unless_under_way",
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "id"], name="upload_of_owner"),
            models.Index(fields=["state", "id"], name="upload_by_state"),
            models.Index(fields=["owner"], condition=Q(finished_at=None), name="uploads_under_way"),
            models.Index(fields=["finished_at"], condition=Q(cleared_at=None), name="uploads_to_clear"),
        ]

    def __str__(self) -> str:
        return f"upload {self.pk}"

    @property
    def parts_count(self) -> int:
        """Parts in all; 0 = one PUT."""
        return -(-self.size // self.part_size) if self.part_size else 0

    def part_length(self, number: int) -> int:
        """Bytes of part `number` (from 1); only the last one may be smaller than the others."""
        size = self.part_size or self.size
        return min(size, self.size - (number - 1) * size)
