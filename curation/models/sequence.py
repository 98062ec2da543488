"""Pictures of one view that belong together: a fire, a false alarm, a quiet hour."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Access, Organisation
from accounts.names import fold
from accounts.scopes import CHANGES_OTHERS, Sees
from curation.models.camera import View, of_organisations
from curation.models.media import Media


class SequenceQuerySet(models.QuerySet["Sequence"]):
    def visible_to(self, access: Access) -> SequenceQuerySet:
        """As cameras; which of its media an access sees is for the media to say."""
        return self.all() if access.sees == Sees.ALL else self.filter(of_organisations(access))

    def shown_as(self, sequence_id: int) -> SequenceQuerySet:
        """A sequence, and those that were merged into it."""
        return self.filter(Q(pk=sequence_id) | Q(shown_as_id=sequence_id))


class Sequence(models.Model):
    """Media in the order of their capture. Merged as views are: nothing moves, so that undoing is exact."""

    class Origin(models.TextChoices):
        NAME = "name"  # a folder, or whatever text came with the pictures
        TIME = "time"  # pictures of one view with no long pause between them
        HUMAN = "human"  # split off by a person

    view = models.ForeignKey(View, models.PROTECT, null=True, related_name="sequences", db_index=False)  # of them all
    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+", db_index=False)
    name = models.CharField(max_length=255)
    name_folded = models.CharField(max_length=500, editable=False)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    origin = models.CharField(max_length=5, choices=Origin)
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, related_name="merged", editable=False)
    shown_as = models.ForeignKey("self", models.PROTECT, null=True, related_name="shown", editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects: ClassVar[models.Manager[Sequence]] = models.Manager.from_queryset(SequenceQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "name_folded"],
                condition=Q(origin="name", organisation__isnull=False),
                name="named_sequences_of_an_organisation_differ",
            ),
            models.UniqueConstraint(
                fields=["name_folded"],
                condition=Q(origin="name", organisation=None),
                name="named_sequences_of_nobody_differ",
            ),
            models.CheckConstraint(condition=~Q(name_folded=""), name="sequence_has_a_name"),
            models.CheckConstraint(condition=Q(origin__in=["name", "time", "human"]), name="sequence_origin_is_known"),
            models.CheckConstraint(
                condition=Q(started_at=None, ended_at=None)
                | Q(started_at__isnull=False, ended_at__isnull=False, started_at__lte=models.F("ended_at")),
                name="sequence_starts_before_it_ends",
            ),
            models.CheckConstraint(
                condition=~Q(origin="time") | (Q(view__isnull=False) & Q(started_at__isnull=False)),
                name="a_sequence_by_time_has_a_view_and_times",
            ),
            models.CheckConstraint(
                condition=Q(merged_into=None, shown_as=None)
                | (Q(merged_into__isnull=False) & Q(shown_as__isnull=False)),
                name="a_merged_sequence_is_shown_as_another",
            ),
            models.CheckConstraint(
                condition=Q(merged_into=None) | (~Q(merged_into=models.F("id")) & ~Q(shown_as=models.F("id"))),
                name="no_sequence_is_merged_into_itself",
            ),
        ]
        indexes = [
            models.Index(fields=["view", "id"], name="sequences_of_view"),
            models.Index(fields=["view", "started_at"], name="sequences_of_view_by_start"),
            models.Index(fields=["organisation", "id"], name="sequences_of_organisation"),
            models.Index(fields=["origin", "id"], name="sequences_by_origin"),
            models.Index(fields=["name_folded"], name="sequences_by_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_folded = fold(self.name)[:500]  # derived, so that no door can forget it
        super().save(*args, **kwargs)

    def shown_ids(self) -> list[int]:
        """Of the sequences that are shown as this one: itself, and those that were merged into it. Few."""
        return list(Sequence.objects.shown_as(self.pk).values_list("pk", flat=True))

    def may_be_changed_by(self, access: Access) -> bool:
        return access.scope in CHANGES_OTHERS


class SequenceItem(models.Model):
    """A media's place in its sequence: by time, then by name, then by id. A late one moves no other."""

    sequence = models.ForeignKey(Sequence, models.PROTECT, related_name="items", db_index=False)
    media = models.OneToOneField(Media, models.PROTECT, related_name="item")
    position = models.BigIntegerField()  # microseconds from 1970 to its capture; BEFORE_ALL when that is unknown

    class Meta:
        indexes = [models.Index(fields=["sequence", "position"], name="sequence_items_in_order")]

    def __str__(self) -> str:
        return f"{self.sequence} at {self.position}"
