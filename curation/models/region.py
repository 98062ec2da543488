"""The regions of current revisions, one row each: an index for questions, made anew from the revisions at any time."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from accounts.models import Access
from accounts.scopes import Sees
from curation.models.annotation import Annotation, AnnotationRevision, Origin
from curation.models.label import Label
from curation.models.media import Media


class RegionQuerySet(models.QuerySet["Region"]):
    def visible_to(self, access: Access) -> RegionQuerySet:
        """Those of annotations that the access may see."""
        if access.sees == Sees.ALL:
            return self.all()
        return self.filter(annotation__in=Annotation.objects.visible_to(access).values("pk"))


class Region(models.Model):
    """A box, or a polygon with the box around it, in fractions of the upright picture from its top left corner.

    What is true stands in the revision, as canonical JSON with a digest; this row only makes it findable. There are
    none of deleted annotations.
    """

    class Kind(models.TextChoices):
        BOX = "box"
        POLYGON = "polygon"

    revision = models.ForeignKey(AnnotationRevision, models.PROTECT, related_name="+", db_index=False)
    annotation = models.ForeignKey(Annotation, models.PROTECT, related_name="regions", db_index=False)
    media = models.ForeignKey(Media, models.PROTECT, related_name="regions", db_index=False)
    label = models.ForeignKey(
        Label, models.PROTECT, null=True, related_name="regions", db_index=False
    )  # NULL: unmapped
    origin = models.CharField(max_length=10, choices=Origin)
    is_truth = models.BooleanField()
    score = models.FloatField(null=True)  # 0..1; NULL = unknown
    kind = models.CharField(max_length=7, choices=Kind)
    x1 = models.FloatField()
    y1 = models.FloatField()
    x2 = models.FloatField()
    y2 = models.FloatField()
    points = models.JSONField(null=True)  # [[x, y], ...] of a polygon
    object_id = models.CharField(max_length=200, blank=True)  # the same in all pictures of one thing
    frame = models.PositiveIntegerField(null=True)  # of a video, the first is 0
    attributes = models.JSONField(default=dict)

    objects: ClassVar[models.Manager[Region]] = models.Manager.from_queryset(RegionQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(x1__gte=0, x2__gt=F("x1"), x2__lte=1), name="region_lies_within_the_width"
            ),
            models.CheckConstraint(
                condition=Q(y1__gte=0, y2__gt=F("y1"), y2__lte=1), name="region_lies_within_the_height"
            ),
            models.CheckConstraint(
                condition=Q(origin__in=["prediction", "imported", "human"]), name="region_origin_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(origin="prediction") | Q(is_truth=False), name="a_predicted_region_is_no_truth"
            ),
            models.CheckConstraint(condition=Q(score=None) | Q(is_truth=False), name="a_region_with_score_is_no_truth"),
            models.CheckConstraint(
                condition=Q(score=None) | Q(score__gte=0, score__lte=1), name="region_score_is_0_to_1"
            ),
            models.CheckConstraint(
                condition=Q(kind="box", points__isnull=True) | Q(kind="polygon", points__isnull=False),
                name="a_polygon_alone_has_points",
            ),
        ]
        indexes = [
            models.Index(fields=["label", "origin", "media"], name="region_by_label"),
            # Each finds the newest media of one value, and looks at the score on the way.
            models.Index(fields=["label", "media", "score"], name="region_by_label_in_order"),
            models.Index(fields=["origin", "media", "score"], name="region_by_origin"),
            models.Index(fields=["is_truth", "media"], name="region_by_truth"),
            models.Index(fields=["score", "media"], name="region_by_score", condition=Q(score__isnull=False)),
            models.Index(fields=["media"], name="region_of_media"),
            models.Index(fields=["annotation"], name="region_of_annotation"),
        ]

    def __str__(self) -> str:
        return f"region {self.pk} of annotation {self.annotation_id}"
