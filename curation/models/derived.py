"""What a job finds out about a media; all of it can be made again from the bytes."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from curation.models.fields import ObjectField
from curation.models.media import Media


class Derived(models.Model):
    """A small picture made from a media: upright, WebP, without metadata."""

    class Kind(models.TextChoices):
        SMALL = "small"  # at most 320 px on the longer side; of a video, of its poster
        LARGE = "large"  # at most 1280 px

    media = models.ForeignKey(Media, models.CASCADE, related_name="derived", db_index=False)
    media_sha256 = models.CharField(max_length=64)  # of the bytes it was made from; others make it stale
    kind = models.CharField(max_length=5, choices=Kind)
    file = ObjectField(db_index=True)
    sha256 = models.CharField(max_length=64)  # of the small picture itself
    size = models.BigIntegerField()  # bytes
    width = models.PositiveIntegerField()  # pixels
    height = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "derived"
        constraints = [
            models.UniqueConstraint(fields=["media", "kind"], name="one_derived_of_a_kind"),
            models.CheckConstraint(condition=models.Q(kind__in=["small", "large"]), name="derived_kind_is_known"),
            models.CheckConstraint(condition=~models.Q(file=""), name="a_derived_has_a_file"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of media {self.media_id}"


class Fingerprint(models.Model):
    """How a picture looks, as two difference hashes; four bands of the short one find candidates.

    dhash64 and the bands are signed, as databases count: 64 bits in two's complement, 16 bits in 0-65535.
    """

    media = models.OneToOneField(Media, models.CASCADE, related_name="fingerprint", primary_key=True)
    media_sha256 = models.CharField(max_length=64)
    dhash64 = models.BigIntegerField()
    band0 = models.PositiveIntegerField()
    band1 = models.PositiveIntegerField()
    band2 = models.PositiveIntegerField()
    band3 = models.PositiveIntegerField()
    dhash256 = models.BinaryField(max_length=32)

    class Meta:
        indexes = [models.Index(fields=[f"band{n}", "media"], name=f"fingerprint_band{n}") for n in range(4)]

    def __str__(self) -> str:
        return f"fingerprint of media {self.media_id}"


class MediaFact(models.Model):
    """What the file says of itself, beyond what every list shows. A row means that derivation has come to an end."""

    media = models.OneToOneField(Media, models.CASCADE, related_name="fact", primary_key=True)
    media_sha256 = models.CharField(max_length=64)
    camera_model = models.CharField(max_length=100, blank=True)
    fps = models.FloatField(null=True)  # frames per second
    codec = models.CharField(max_length=40, blank=True)
    frames = models.PositiveIntegerField(null=True)
    latitude = models.FloatField(null=True)  # degrees, as the file tells; the media's own may come from people
    longitude = models.FloatField(null=True)
    problems = models.JSONField(default=list)  # sentences; [] = all was found out
    lacked_tools = models.BooleanField(default=False)  # ffmpeg was absent: another try may find out more
    derived_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"facts of media {self.media_id}"
