from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Access, AppendOnly
from accounts.scopes import CHANGES_OTHERS, Scope, Sees
from curation.models.fields import ObjectField
from curation.models.media import Media


class Origin(models.TextChoices):
    """What made the regions: never mixed within one layer."""

    PREDICTION = "prediction"  # a model
    IMPORTED = "imported"  # a file from elsewhere, truth only when declared so
    HUMAN = "human"  # a person, here


class AnnotationQuerySet(models.QuerySet["Annotation"]):
    def living(self) -> AnnotationQuerySet:
        """Neither deleted itself nor on a deleted media."""
        return self.filter(deleted_at=None, media__deleted_at=None)

    def as_seen(self, row_id: int, version: int) -> AnnotationQuerySet:
        """The living row, if it is still of this version: for conditional updates.

        The row's own columns are asked directly. Asked through a join, Django would look the row up in a subquery,
        which PostgreSQL does not look at again when it waited for somebody else's change: both would succeed.
        """
        living = models.Exists(Media.objects.living().filter(pk=models.OuterRef("media_id")))
        return self.filter(living, pk=row_id, version=version, deleted_at=None)

    def visible_to(self, access: Access) -> AnnotationQuerySet:
        """The one gate, as for media."""
        if access.sees == Sees.ALL:
            return self.living()
        own = models.Q(owner=access)
        if access.sees == Sees.LISTED:
            own |= models.Q(media__organisation__in=access.listed.values("pk"))
        return self.living().filter(own)


class Annotation(models.Model):
    """One layer of one media from one source. Its file is that of the current revision; older ones stay."""

    class State(models.TextChoices):
        EMPTY = "empty"  # announced, no file yet
        STORED = "stored"  # kept as it came
        PARSED = "parsed"  # understood
        PROBLEM = "problem"  # in part or not at all

    media = models.ForeignKey(Media, models.PROTECT, related_name="annotations")
    file = ObjectField(db_index=True)
    sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    size = models.BigIntegerField(null=True)  # bytes
    content_type = models.CharField(max_length=100, blank=True)
    format = models.CharField(max_length=30, blank=True)
    state = models.CharField(max_length=7, choices=State, default=State.EMPTY)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.IMPORTED)
    is_truth = models.BooleanField(default=False)
    model_name = models.CharField(max_length=100, blank=True)
    model_version = models.CharField(max_length=100, blank=True)
    regions_count = models.PositiveIntegerField(default=0)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="annotations", db_index=False
    )
    current = models.ForeignKey("AnnotationRevision", models.PROTECT, null=True, related_name="+", editable=False)

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+"
    )

    objects: ClassVar[models.Manager[Annotation]] = models.Manager.from_queryset(AnnotationQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(file="", sha256="", size__isnull=True, state="empty")
                | (~models.Q(file="") & ~models.Q(sha256="") & models.Q(size__isnull=False) & ~models.Q(state="empty")),
                name="annotation_has_file_digest_and_size_or_none",
            ),
            models.CheckConstraint(
                condition=~models.Q(origin="prediction") | models.Q(is_truth=False), name="a_prediction_is_no_truth"
            ),
            models.CheckConstraint(
                condition=~models.Q(origin="human") | models.Q(is_truth=True), name="a_human_layer_is_truth"
            ),
            models.CheckConstraint(condition=models.Q(origin__in=Origin.values), name="annotation_origin_is_known"),
            models.UniqueConstraint(
                fields=["media"],
                condition=models.Q(origin="human", deleted_at=None),
                name="one_living_human_layer_per_media",
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "id"], name="annotation_of_owner"),
            models.Index(fields=["updated_at", "id"], name="annotation_by_update"),
            models.Index(fields=["state", "id"], name="annotation_by_state"),
            models.Index(fields=["state", "media"], name="annotation_by_state_of_media"),
            models.Index(fields=["origin", "id"], name="annotation_by_origin"),
            models.Index(fields=["format", "id"], name="annotation_by_format"),
        ]

    def __str__(self) -> str:
        return f"annotation {self.pk}"

    def may_be_changed_by(self, access: Access) -> bool:
        return access.scope in CHANGES_OTHERS or self.owner_id == access.pk


def origin_of_upload_by(access: Access | None) -> str:
    """A device's labels are its model's; what people send as files is imported, and not truth until declared."""
    return Origin.PREDICTION if access and access.scope == Scope.DEVICE else Origin.IMPORTED


class AnnotationRevision(AppendOnly):
    """What was uploaded or decided once, by whom; the bytes and the regions of it never change."""

    annotation = models.ForeignKey(Annotation, models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()  # 1, 2, 3, ... within the annotation
    file = ObjectField(db_index=True)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    content_type = models.CharField(max_length=100)
    format = models.CharField(max_length=30)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_login = models.CharField(max_length=100, blank=True)
    origin = models.CharField(max_length=10, choices=Origin)
    is_truth = models.BooleanField(default=False)
    note = models.CharField(max_length=500, blank=True)
    regions = models.JSONField(null=True)  # canonical; NULL = not parsed
    regions_sha256 = models.CharField(max_length=64, blank=True)
    report = models.JSONField(null=True)  # what the parser had to say
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["annotation", "number"], name="revision_numbers_differ"),
            models.CheckConstraint(condition=~models.Q(file=""), name="a_revision_has_a_file"),
            models.CheckConstraint(
                condition=~models.Q(origin="prediction") | models.Q(is_truth=False),
                name="a_predicted_revision_is_no_truth",
            ),
        ]
        indexes = [models.Index(fields=["origin", "id"], name="revision_by_origin")]
        ordering = ["annotation_id", "-number"]

    def __str__(self) -> str:
        return f"revision {self.number} of annotation {self.annotation_id}"
