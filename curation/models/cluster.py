"""Media that look alike, what a curator decided about them, and what is still to be compared."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils import timezone

from accounts.models import Access
from accounts.scopes import CHANGES_OTHERS, Sees
from curation.models.media import Media

WIDEST = 24  # of 256 bits: no two media of a cluster differ in more


class ClusterQuerySet(models.QuerySet["Cluster"]):
    def visible_to(self, access: Access) -> ClusterQuerySet:
        """Those of which the access sees two media at least: one alone would tell of others that it may not see."""
        seen = ClusterItem.objects.visible_to(access)
        if access.sees == Sees.ALL:
            return self.filter(Exists(seen.filter(cluster=OuterRef("pk")).order_by("pk")[1:2]))
        several = seen.values("cluster").annotate(seen=Count("pk")).filter(seen__gte=2)
        return self.filter(pk__in=several.values("cluster"))


class Cluster(models.Model):
    """Near-duplicates: each differs from some other in at most 10 of 256 bits, and from none in more than WIDEST.

    It can be made again from the fingerprints; only what was decided cannot, and no search takes that back: media that
    join later are marked as new, and the cluster awaits another look.
    """

    class Kind(models.TextChoices):
        EXACT = "exact"  # the same bytes
        NEAR = "near"
        FROZEN = "frozen"  # a camera that sent the same picture many times in a row is among them

    class Decision(models.TextChoices):
        KEEP_ALL = "keep_all"
        KEEP_ONE = "keep_one"
        NOT_DUPLICATES = "not_duplicates"

    kind = models.CharField(max_length=6, choices=Kind, default=Kind.NEAR)
    centre = models.BinaryField(max_length=32)  # the fingerprint that it began with; media come and go around it
    reach = models.PositiveSmallIntegerField(default=0)  # of 256 bits: how far from the centre its media are at most
    size = models.PositiveIntegerField()  # items, those of deleted media too
    awaits = models.BooleanField(default=True)  # a look: nothing is decided, or media joined since
    decision = models.CharField(max_length=14, choices=Decision, blank=True)
    kept = models.ForeignKey(Media, models.PROTECT, null=True, related_name="+", db_index=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False
    )
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects: ClassVar[models.Manager[Cluster]] = models.Manager.from_queryset(ClusterQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["exact", "near", "frozen"]), name="cluster_kind_is_known"),
            models.CheckConstraint(
                condition=Q(decision__in=["", "keep_all", "keep_one", "not_duplicates"]),
                name="cluster_decision_is_known",
            ),
            models.CheckConstraint(
                condition=Q(decision="keep_one", kept__isnull=False) | (~Q(decision="keep_one") & Q(kept=None)),
                name="keeping_one_says_which",
            ),
            models.CheckConstraint(
                condition=Q(decision="", decided_at=None, decided_by=None, awaits=True)
                | (~Q(decision="") & Q(decided_at__isnull=False)),
                name="a_decision_has_a_time",
            ),
            models.CheckConstraint(condition=Q(reach__lte=WIDEST), name="cluster_reach_is_limited"),
        ]
        indexes = [
            models.Index(fields=["kind", "id"], name="clusters_by_kind"),
            models.Index(fields=["awaits", "id"], name="clusters_by_look"),
            models.Index(fields=["decision", "id"], name="clusters_by_decision"),
        ]

    def __str__(self) -> str:
        return f"cluster {self.pk}"

    def may_be_changed_by(self, access: Access) -> bool:
        """Whoever decides for others, and sees all that the decision is about."""
        if access.scope not in CHANGES_OTHERS or access.sees == Sees.ALL:
            return access.scope in CHANGES_OTHERS
        living = self.items.filter(media__deleted_at=None)
        return not living.exclude(media__in=Media.objects.visible_to(access)).exists()


class ClusterItemQuerySet(models.QuerySet["ClusterItem"]):
    def visible_to(self, access: Access) -> ClusterItemQuerySet:
        """Those whose media the access sees; never those of deleted media."""
        if access.sees == Sees.ALL:
            return self.filter(media__deleted_at=None)
        return self.filter(media__in=Media.objects.visible_to(access))

    def left_out(self) -> ClusterItemQuerySet:
        """Media that stand back because a curator keeps another one, which still lives."""
        decided = self.filter(cluster__decision=Cluster.Decision.KEEP_ONE, cluster__kept__deleted_at=None, is_new=False)
        return decided.exclude(cluster__kept=F("media"))


class ClusterItem(models.Model):
    """A media in the one cluster that it belongs to."""

    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="items", db_index=False)
    media = models.OneToOneField(Media, models.PROTECT, related_name="cluster_item")
    media_sha256 = models.CharField(max_length=64)  # of the bytes that were compared; others make the item stale
    distance = models.PositiveSmallIntegerField()  # of 256 bits, to the cluster's centre
    is_new = models.BooleanField(default=False)  # joined after the decision, which is not about it
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[models.Manager[ClusterItem]] = models.Manager.from_queryset(ClusterItemQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(distance__lte=WIDEST), name="cluster_item_distance_is_limited")
        ]
        indexes = [models.Index(fields=["cluster", "id"], name="items_of_cluster")]

    def __str__(self) -> str:
        return f"media {self.media_id} in cluster {self.cluster_id}"


class DuplicateSearch(models.Model):
    """One search for near-duplicates: phases one after the other, each of parts that are compared in any order.

    After each phase clusters are made of what its parts found, so that the next one need not find it again.
    """

    is_global = models.BooleanField()  # everything with everything; else within a camera's view and some time
    phases = models.JSONField(null=True)  # [[{...}]]: what each part is to compare; NULL until that is planned
    reports = models.JSONField(default=dict)  # of the parts ("0.3": fourth of the first phase) and phases that are done
    report = models.JSONField(default=dict)  # of the whole, when it has come to an end
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "duplicate searches"
        constraints = [
            models.UniqueConstraint(
                fields=["is_global"], condition=Q(finished_at=None), name="one_open_search_of_a_reach"
            )
        ]

    def __str__(self) -> str:
        return f"search {self.pk}"


class ComparisonDue(models.Model):
    """A fingerprint that is not yet compared: with those of its camera, or with all (`is_global`)."""

    media = models.ForeignKey(Media, models.CASCADE, related_name="+", db_index=False)
    is_global = models.BooleanField()
    search = models.ForeignKey(  # the last one that took it on
        DuplicateSearch, models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )

    class Meta:
        verbose_name_plural = "comparisons due"
        constraints = [models.UniqueConstraint(fields=["is_global", "media"], name="a_comparison_is_due_once")]

    def __str__(self) -> str:
        return f"comparison of media {self.media_id}"


class Likeness(models.Model):
    """Two media that were found to look alike, until a cluster is made of them. A queue: nothing refers to it."""

    high = models.BigIntegerField()  # id of a media
    low = models.BigIntegerField()  # of an older one
    distance = models.PositiveSmallIntegerField()  # of 256 bits
    is_frozen = models.BooleanField(default=False)  # the last two of many that were the same in a row

    class Meta:
        verbose_name_plural = "likenesses"
        constraints = [
            models.UniqueConstraint(fields=["high", "distance", "low", "is_frozen"], name="likenesses_differ"),
            models.CheckConstraint(condition=Q(low__lt=F("high")), name="a_likeness_is_of_two"),
        ]

    def __str__(self) -> str:
        return f"media {self.low} and {self.high}"
