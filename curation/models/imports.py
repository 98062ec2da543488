from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Access, Organisation
from accounts.scopes import Sees
from curation.models.annotation import Annotation
from curation.models.fields import ObjectField
from curation.models.media import Media


class ImportRunQuerySet(models.QuerySet["ImportRun"]):
    def visible_to(self, access: Access) -> ImportRunQuerySet:
        """The one gate, as for media."""
        if access.sees == Sees.ALL:
            return self.all()
        own = models.Q(owner=access)
        if access.sees == Sees.LISTED:
            own |= models.Q(organisation__in=access.listed.values("pk"))
        return self.filter(own)


class ImportRun(models.Model):
    """A folder, a bucket's prefix or an archive that is taken in, file by file. Started again, it goes on.

    One of annotations says what files mean for media that are there: its items are pictures that those files name.
    """

    class Kind(models.TextChoices):
        PICTURES = "pictures"
        ANNOTATIONS = "annotations"

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"  # the source could not be read to its end
        CANCELLED = "cancelled"

    kind = models.CharField(max_length=11, choices=Kind, default=Kind.PICTURES)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="imports")
    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, blank=True, related_name="+")
    source = models.CharField(max_length=1000)  # as given: a path, an s3:// address, the name of an archive
    archive = ObjectField(db_index=True)  # what was uploaded; freed when the run has ended, but for a file of labels
    sha256 = models.CharField(max_length=64, blank=True)  # of the archive, and its
    size = models.BigIntegerField(null=True)  # bytes
    options = models.JSONField(default=dict)
    mapping = models.JSONField(null=True)  # {"name", "version", "rules", "on_unknown"}; of annotations alone
    state = models.CharField(max_length=9, choices=State, default=State.RUNNING)
    error = models.CharField(max_length=1000, blank=True)
    seen = models.PositiveIntegerField(default=0)  # files so far, these and the four below
    created = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)  # layers that got another revision
    not_found = models.PositiveIntegerField(default=0)  # pictures that no media is
    regions_kept = models.PositiveIntegerField(default=0)
    regions_dropped = models.PositiveIntegerField(default=0)
    regions_refused = models.PositiveIntegerField(default=0)
    problems = models.PositiveIntegerField(default=0)  # parts of files that could not be read as they stand
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[ImportRun]] = models.Manager.from_queryset(ImportRunQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(archive="") | (~models.Q(sha256="") & models.Q(size__isnull=False)),
                name="an_archive_has_digest_and_size",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["running", "done", "failed", "cancelled"]), name="import_state_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(kind="pictures", mapping__isnull=True)
                | models.Q(kind="annotations", mapping__isnull=False),
                name="an_import_of_annotations_has_a_mapping",
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "id"], name="imports_by_kind"),
            models.Index(fields=["kind", "state", "id"], name="imports_by_state"),
        ]

    def __str__(self) -> str:
        return f"import {self.pk}"


class AnnotationImport(ImportRun):
    """The same rows, as the workbench shows those of annotations."""

    class Meta:
        proxy = True


class ImportItem(models.Model):
    """What became of one file of an import, or of one picture that a file names, committed with the rows it made."""

    class Verdict(models.TextChoices):
        CREATED = "created"
        CHANGED = "changed"  # a layer that was there says something else now
        UNCHANGED = "unchanged"
        REFUSED = "refused"
        SKIPPED = "skipped"  # no picture and no label, and none was expected
        NOT_FOUND = "not_found", "not found"  # no media is the picture

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="items", db_index=False)
    path = models.CharField(max_length=1024)  # within the source
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(null=True)  # bytes
    verdict = models.CharField(max_length=9, choices=Verdict)
    reason = models.CharField(max_length=500, blank=True)  # why it was refused, or what is worth a look
    media = models.ForeignKey(Media, models.PROTECT, null=True, related_name="+")
    annotation = models.ForeignKey(Annotation, models.PROTECT, null=True, related_name="+")
    regions_kept = models.PositiveIntegerField(default=0)
    regions_dropped = models.PositiveIntegerField(default=0)
    regions_refused = models.PositiveIntegerField(default=0)
    problems = models.PositiveIntegerField(default=0)
    told = models.JSONField(null=True)  # [[where, class, what became of it], ...], the first ones

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "path"], name="one_verdict_per_path"),
            models.CheckConstraint(
                condition=models.Q(verdict__in=["created", "changed", "unchanged", "refused", "skipped", "not_found"]),
                name="import_verdict_is_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(verdict="refused") | ~models.Q(reason=""), name="a_refusal_has_a_reason"
            ),
        ]
        indexes = [models.Index(fields=["run", "verdict", "id"], name="import_items_by_verdict")]

    def __str__(self) -> str:
        return self.path
