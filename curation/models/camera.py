"""Cameras and the directions they look in, and the names by which texts on media lead to them."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from accounts.models import Access, Organisation
from accounts.names import fold
from accounts.scopes import CHANGES_OTHERS, Sees

PREFIX = re.compile(r"^pyronear[-_](?=.)")  # newer names have it before the source, older ones do not


def fold_source(source: str) -> str:
    """A source as names are compared: `pyronear-sdis-07` and `sdis-07` are two spellings of one."""
    return PREFIX.sub("", fold(source))


def of_organisations(access: Access, column: str = "organisation") -> Q:
    """Rows of the organisation that an access belongs to, and of those that it sees."""
    rows = Q(**{f"{column}_id": access.organisation_id}) if access.organisation_id else Q(pk__in=[])
    if access.sees == Sees.LISTED:
        rows |= Q(**{f"{column}__in": access.listed.values("pk")})
    return rows


class CameraQuerySet(models.QuerySet["Camera"]):
    def visible_to(self, access: Access) -> CameraQuerySet:
        """Who sees everything sees all; anybody else those of their organisations."""
        return self.all() if access.sees == Sees.ALL else self.filter(of_organisations(access))


class Camera(models.Model):
    """Something that takes pictures from one place. Two of one name may exist: names are given by sources."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+", db_index=False)
    name = models.CharField(max_length=100)
    name_folded = models.CharField(max_length=200, editable=False)
    latitude = models.FloatField(null=True)  # degrees, WGS 84
    longitude = models.FloatField(null=True)
    elevation = models.FloatField(null=True)  # metres above the sea
    fov = models.FloatField(null=True)  # degrees that a picture is wide
    timezone = models.CharField(max_length=64, default="UTC")  # a name of the IANA database
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects: ClassVar[models.Manager[Camera]] = models.Manager.from_queryset(CameraQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(name_folded=""), name="camera_has_a_name"),
            models.CheckConstraint(
                condition=Q(latitude=None, longitude=None) | (Q(latitude__isnull=False) & Q(longitude__isnull=False)),
                name="camera_position_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(latitude=None) | Q(latitude__range=(-90, 90)), name="camera_latitude_in_range"
            ),
            models.CheckConstraint(
                condition=Q(longitude=None) | Q(longitude__range=(-180, 180)), name="camera_longitude_in_range"
            ),
            models.CheckConstraint(
                condition=Q(elevation=None) | Q(elevation__range=(-500, 9000)), name="camera_elevation_in_range"
            ),
            models.CheckConstraint(
                condition=Q(fov=None) | Q(fov__gt=0, fov__lte=360), name="camera_fov_is_over_0_to_360"
            ),
            models.CheckConstraint(condition=~Q(timezone=""), name="camera_has_a_timezone"),
        ]
        indexes = [
            models.Index(fields=["organisation", "id"], name="cameras_of_organisation"),
            models.Index(fields=["name_folded"], name="cameras_by_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_folded = fold(self.name)[:200]  # derived, so that no door can forget it
        super().save(*args, **kwargs)

    def may_be_changed_by(self, access: Access) -> bool:
        return access.scope in CHANGES_OTHERS


class CameraAlias(models.Model):
    """A name that pictures of an organisation give to a camera, under a source."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+", db_index=False)
    source = models.CharField(max_length=200, blank=True)  # folded
    text = models.CharField(max_length=200)  # folded
    camera = models.ForeignKey(Camera, models.PROTECT, related_name="aliases")

    class Meta:
        verbose_name_plural = "camera aliases"
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "source", "text"],
                condition=Q(organisation__isnull=False),
                name="camera_names_of_an_organisation_differ",
            ),
            models.UniqueConstraint(
                fields=["source", "text"], condition=Q(organisation=None), name="camera_names_of_nobody_differ"
            ),
            models.CheckConstraint(condition=~Q(text=""), name="camera_alias_has_a_text"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.text}".strip()


class ViewQuerySet(models.QuerySet["View"]):
    def visible_to(self, access: Access) -> ViewQuerySet:
        """As their cameras."""
        if access.sees == Sees.ALL:
            return self.all()
        return self.filter(of_organisations(access, "camera__organisation"))

    def shown_as(self, view_id: int) -> ViewQuerySet:
        """A view, and those that were merged into it."""
        return self.filter(Q(pk=view_id) | Q(shown_as_id=view_id))


class View(models.Model):
    """One direction of a camera.

    A merged one keeps its media, so that undoing is exact: `merged_into` is what somebody decided, `shown_as` the view
    where that leads in the end. Both are empty for a view that stands for itself.
    """

    camera = models.ForeignKey(Camera, models.PROTECT, related_name="views")
    azimuth = models.PositiveSmallIntegerField(null=True)  # degrees, 0-359
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, related_name="merged", editable=False)
    shown_as = models.ForeignKey("self", models.PROTECT, null=True, related_name="shown", editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects: ClassVar[models.Manager[View]] = models.Manager.from_queryset(ViewQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["camera", "azimuth"], condition=Q(azimuth__isnull=False), name="views_of_a_camera_differ"
            ),
            models.UniqueConstraint(
                fields=["camera"], condition=Q(azimuth=None), name="one_view_of_a_camera_without_azimuth"
            ),
            models.CheckConstraint(condition=Q(azimuth=None) | Q(azimuth__lt=360), name="view_azimuth_is_0_to_359"),
            models.CheckConstraint(
                condition=Q(merged_into=None, shown_as=None)
                | (Q(merged_into__isnull=False) & Q(shown_as__isnull=False)),
                name="a_merged_view_is_shown_as_another",
            ),
            models.CheckConstraint(
                condition=Q(merged_into=None) | (~Q(merged_into=models.F("id")) & ~Q(shown_as=models.F("id"))),
                name="no_view_is_merged_into_itself",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.camera} {'?' if self.azimuth is None else self.azimuth}°"

    def shown_ids(self) -> list[int]:
        """Of the views that are shown as this one: itself, and those that were merged into it. Few."""
        return list(View.objects.shown_as(self.pk).values_list("pk", flat=True))

    def may_be_changed_by(self, access: Access) -> bool:
        return access.scope in CHANGES_OTHERS


class ViewAlias(models.Model):
    """An azimuth as names of a camera's pictures spell it; "" for unknown."""

    camera = models.ForeignKey(Camera, models.PROTECT, related_name="view_aliases", db_index=False)
    text = models.CharField(max_length=10, blank=True)
    view = models.ForeignKey(View, models.PROTECT, related_name="aliases")

    class Meta:
        verbose_name_plural = "view aliases"
        constraints = [models.UniqueConstraint(fields=["camera", "text"], name="azimuth_texts_of_a_camera_differ")]

    def __str__(self) -> str:
        return self.text or "unknown"
