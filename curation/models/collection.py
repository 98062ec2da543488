"""Media that somebody put together under a name: a search that is kept, or a list that never changes again."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Access, Organisation
from accounts.names import fold
from accounts.scopes import CHANGES_OTHERS, Sees
from curation.models.camera import of_organisations
from curation.models.media import Media


class CollectionQuerySet(models.QuerySet["Collection"]):
    def living(self) -> CollectionQuerySet:
        return self.filter(deleted_at=None)

    def visible_to(self, access: Access) -> CollectionQuerySet:
        """Those of its organisations and its own; which of their media it sees is for the media to say."""
        rows = self.living()
        return rows if access.sees == Sees.ALL else rows.filter(of_organisations(access) | Q(owner=access))


class Collection(models.Model):
    """`query` without `sample`: whatever the filters find now. `query` and `sample`: what is drawn when it is frozen.
    Neither: what curators put in. Once frozen, its items are what it is.
    """

    name = models.CharField(max_length=100)
    name_folded = models.CharField(max_length=200, editable=False)
    description = models.CharField(max_length=500, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+", db_index=False)
    query = models.JSONField(null=True)  # {filter of the list of media: value as text}
    sample = models.JSONField(null=True)  # {"order", "count", "per", "at_most"}: see actions/sampling.py
    seed = models.PositiveBigIntegerField(default=0)  # of the sample
    frozen_at = models.DateTimeField(null=True, editable=False)
    size = models.PositiveIntegerField(null=True, editable=False)  # media, once frozen
    report = models.JSONField(null=True, editable=False)  # what the sample had to leave out
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+", db_index=False
    )

    objects: ClassVar[models.Manager[Collection]] = models.Manager.from_queryset(CollectionQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "name_folded"],
                condition=Q(deleted_at=None, organisation__isnull=False),
                name="collections_of_an_organisation_differ",
            ),
            models.UniqueConstraint(
                fields=["name_folded"],
                condition=Q(deleted_at=None, organisation=None),
                name="collections_of_nobody_differ",
            ),
            models.CheckConstraint(condition=~Q(name_folded=""), name="collection_has_a_name"),
            models.CheckConstraint(
                condition=Q(sample__isnull=True) | Q(query__isnull=False), name="a_sample_is_of_a_query"
            ),
            models.CheckConstraint(
                condition=Q(frozen_at=None, size=None) | Q(frozen_at__isnull=False, size__isnull=False),
                name="a_frozen_collection_knows_its_size",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "id"], name="collections_of_organisation"),
            models.Index(fields=["owner", "id"], name="collections_of_owner"),
            models.Index(fields=["name_folded"], name="collections_by_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_folded = fold(self.name)[:200]  # derived, so that no door can forget it
        super().save(*args, **kwargs)

    @property
    def is_list(self) -> bool:
        """Whether it consists of items: put in by hand, or frozen."""
        return self.query is None or self.frozen_at is not None

    def may_be_changed_by(self, access: Access) -> bool:
        return access.scope in CHANGES_OTHERS


class CollectionItem(models.Model):
    """A media in a collection; it stays there as a tombstone when the media is deleted."""

    collection = models.ForeignKey(Collection, models.PROTECT, related_name="items", db_index=False)
    media = models.ForeignKey(Media, models.PROTECT, related_name="collected")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["collection", "media"], name="a_media_is_collected_once")]

    def __str__(self) -> str:
        return f"media {self.media_id} in {self.collection}"
