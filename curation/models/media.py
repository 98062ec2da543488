from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Access, Organisation
from accounts.scopes import CHANGES_OTHERS, Sees
from curation.models.camera import Camera, View
from curation.models.fields import ObjectField


class MediaQuerySet(models.QuerySet["Media"]):
    """Questions about pictures; each can follow any other."""

    def living(self) -> MediaQuerySet:
        return self.filter(deleted_at=None)

    def stored(self) -> MediaQuerySet:
        """Those whose bytes we hold."""
        return self.exclude(file="")

    def visible_to(self, access: Access) -> MediaQuerySet:
        """The one gate: API, admin and exports begin here."""
        return self.living().in_sight_of(access)

    def in_sight_of(self, access: Access) -> MediaQuerySet:
        """Those that it sees, and those that it would see had they not been deleted."""
        if access.sees == Sees.ALL:
            return self
        own = models.Q(owner=access)
        if access.sees == Sees.LISTED:
            own |= models.Q(organisation__in=access.listed.values("pk"))
        return self.filter(own)

    def underived(self, *, has_tools: bool) -> MediaQuerySet:
        """Living ones with a file whose derivation has not come to an end; with tools, also those that lacked them."""
        is_open = models.Q(fact=None) | ~models.Q(fact__media_sha256=models.F("sha256"))
        if has_tools:
            is_open |= models.Q(fact__lacked_tools=True)
        return self.living().stored().filter(is_open)

    def in_sequence(self, sequence_ids: list[int]) -> MediaQuerySet:
        """Those of some sequences, in the order of capture."""
        return self.filter(item__sequence__in=sequence_ids).order_by("item__position", "name_folded", "pk")

    def following(self, last: Media) -> MediaQuerySet:
        """Those behind one of them, in the same order."""
        at, name = last.item.position, last.name_folded
        same = models.Q(name_folded__gt=name) | models.Q(name_folded=name, pk__gt=last.pk)
        behind = models.Q(item__position__gt=at) | (models.Q(item__position=at) & same)
        return self.filter(behind, item__position__gte=at)  # the second says what the index has

    def of_views(self, view_ids: list[int]) -> MediaQuerySet:
        return self.filter(view__in=view_ids or [0])  # a condition that the database can answer, with no result

    def deleted_before(self, moment: datetime) -> MediaQuerySet:
        return self.filter(deleted_at__lt=moment)


class Media(models.Model):
    """One picture or video, announced first and uploaded later; its bytes are an object that other rows may share."""

    class Type(models.TextChoices):
        IMAGE = "image"
        VIDEO = "video"

    class Basis(models.TextChoices):
        """Where `captured_at` comes from."""

        CLIENT = "client"
        EXIF_OFFSET = "exif_offset"
        EXIF_UTC_ASSUMED = "exif_utc_assumed"
        NAME_UTC_ASSUMED = "name_utc_assumed"
        NONE = "none"

    class Light(models.TextChoices):
        """How high the sun stood over it; "" where time or place are not known."""

        DAY = "day"
        TWILIGHT = "twilight"  # the civil one
        NIGHT = "night"

    type = models.CharField(max_length=5, choices=Type, default=Type.IMAGE)
    file = ObjectField(db_index=True)
    sha256 = models.CharField(max_length=64, blank=True, db_index=True)  # shared by media with the same bytes
    size = models.BigIntegerField(null=True)  # bytes
    content_type = models.CharField(max_length=100, blank=True)
    original_name = models.CharField(max_length=255, blank=True)  # as the sender called it, made harmless
    name_folded = models.CharField(max_length=255, blank=True, db_index=True)
    width = models.PositiveIntegerField(null=True)  # pixels, upright
    height = models.PositiveIntegerField(null=True)  # pixels, upright
    orientation = models.PositiveSmallIntegerField(null=True)  # EXIF, 1-8, as stored
    duration = models.FloatField(null=True)  # seconds

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="media", db_index=False)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="media", db_index=False
    )

    captured_at = models.DateTimeField(null=True, blank=True)
    captured_basis = models.CharField(max_length=16, choices=Basis, default=Basis.NONE)
    source = models.CharField(max_length=100, blank=True)
    camera = models.CharField(max_length=100, blank=True)  # as given; cameras proper refer to it and never overwrite it
    azimuth = models.PositiveSmallIntegerField(null=True, blank=True)  # degrees, 0-359
    sequence = models.CharField(max_length=255, blank=True)  # as given
    latitude = models.FloatField(null=True, blank=True)  # degrees, WGS 84
    longitude = models.FloatField(null=True, blank=True)
    light = models.CharField(  # follows from time and place
        max_length=8, choices=Light, blank=True, editable=False, default="", db_default=""
    )
    import_identity = models.CharField(max_length=64, blank=True)
    view = models.ForeignKey(  # found by the texts above; where several have been merged, the one that they name
        View, models.PROTECT, null=True, editable=False, related_name="media", db_index=False
    )
    taken_by = models.ForeignKey(  # the camera of that view, once more: one index then finds all its media in order
        Camera, models.PROTECT, null=True, editable=False, related_name="+", db_index=False
    )

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+"
    )

    objects: ClassVar[models.Manager[Media]] = models.Manager.from_queryset(MediaQuerySet)()

    class Meta:
        verbose_name_plural = "media"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(file="", sha256="", size__isnull=True)
                | (~models.Q(file="") & ~models.Q(sha256="") & models.Q(size__isnull=False)),
                name="media_has_file_digest_and_size_or_none",
            ),
            models.CheckConstraint(condition=models.Q(type__in=["image", "video"]), name="media_type_is_known"),
            models.CheckConstraint(
                condition=models.Q(azimuth=None) | models.Q(azimuth__lt=360), name="media_azimuth_is_0_to_359"
            ),
            models.CheckConstraint(
                condition=models.Q(orientation=None) | models.Q(orientation__range=(1, 8)),
                name="media_orientation_is_1_to_8",
            ),
            models.CheckConstraint(
                condition=models.Q(latitude=None) | models.Q(latitude__range=(-90, 90)), name="media_latitude_in_range"
            ),
            models.CheckConstraint(
                condition=models.Q(longitude=None) | models.Q(longitude__range=(-180, 180)),
                name="media_longitude_in_range",
            ),
            models.CheckConstraint(
                condition=models.Q(captured_at=None, captured_basis="none")
                | (models.Q(captured_at__isnull=False) & ~models.Q(captured_basis="none")),
                name="media_capture_time_has_a_basis",
            ),
            models.CheckConstraint(
                condition=models.Q(view=None, taken_by=None) | models.Q(view__isnull=False, taken_by__isnull=False),
                name="media_of_a_view_is_taken_by_its_camera",
            ),
            models.CheckConstraint(
                condition=models.Q(light__in=["", "day", "twilight", "night"]), name="media_light_is_known"
            ),
            models.UniqueConstraint(
                fields=["import_identity"],
                condition=models.Q(deleted_at=None) & ~models.Q(import_identity=""),
                name="living_imports_differ",
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "id"], name="media_of_owner"),
            models.Index(fields=["organisation", "id"], name="media_of_organisation"),
            models.Index(fields=["captured_at", "id"], name="media_by_capture"),
            models.Index(fields=["updated_at", "id"], name="media_by_update"),
            models.Index(fields=["created_at", "id"], name="media_by_creation"),
            models.Index(fields=["type", "id"], name="media_by_type"),
            models.Index(fields=["camera", "id"], name="media_by_camera"),
            models.Index(fields=["view", "id"], name="media_by_view"),
            models.Index(fields=["view", "captured_at", "id"], name="media_by_view_and_capture"),
            models.Index(fields=["taken_by", "id"], name="media_taken_by"),
            models.Index(fields=["light", "id"], name="media_by_light"),
            models.Index(fields=["sha256", "id"], name="media_without_file", condition=models.Q(sha256="")),
            models.Index(fields=["size", "id"], name="media_by_size"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"

    def may_be_changed_by(self, access: Access) -> bool:
        """Owners change their own rows; curators and admins those that they see."""
        return access.scope in CHANGES_OTHERS or self.owner_id == access.pk
