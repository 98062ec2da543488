"""What is still to be compared, and media that leave their cluster because they show something else by now."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db.models import Count, F, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from curation.models import Cluster, ClusterItem, ComparisonDue, Fingerprint


def ask(media_ids: Iterable[int]) -> None:
    """Within the transaction that writes their fingerprints: have them compared, with all that there is."""
    _ask([(media_id, is_global) for media_id in media_ids for is_global in (False, True)])


def ask_range(first: int, last: int) -> int:
    """As `ask`, for the fingerprints of all media from the one to the other; return how many these are."""
    rows = Fingerprint.objects.filter(media__gte=first, media__lte=last).order_by("media")
    ids = list(rows.values_list("media", flat=True))
    ask(ids)
    return len(ids)


def ask_in_place(media_ids: Iterable[int]) -> None:
    """Within the transaction that says where and when they were taken: have them compared with their neighbours."""
    known = Fingerprint.objects.filter(media__in=list(media_ids)).order_by("media").values_list("media", flat=True)
    _ask([(media_id, False) for media_id in known])


def _ask(reaches: list[tuple[int, bool]]) -> None:
    """A search that has taken one of them on lets go of it: what it compared is no more."""
    rows = [ComparisonDue(media_id=media_id, is_global=is_global) for media_id, is_global in reaches]
    ComparisonDue.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["is_global", "media"], update_fields=["search"]
    )


def leave(media_ids: Collection[int]) -> None:
    """Within the transaction that takes their bytes or fingerprints away: these are in no cluster any more.

    A cluster of one about which nothing was decided goes; one whose kept media leaves awaits another look.
    """
    items = ClusterItem.objects.filter(media__in=media_ids)
    touched = sorted(set(items.values_list("cluster", flat=True)))
    if not touched:
        return
    locked = Cluster.objects.select_for_update(no_key=True).filter(pk__in=touched).order_by("pk")
    clusters = {cluster.pk: cluster for cluster in locked}
    ClusterItem.objects.filter(media__in=media_ids, cluster__in=touched).delete()
    recount(clusters)
    lost = [pk for pk, cluster in clusters.items() if cluster.kept_id in set(media_ids)]
    Cluster.objects.filter(pk__in=lost).update(awaits=True)


def recount(cluster_ids: Iterable[int]) -> None:
    """Within a transaction that has taken items away: let clusters say how many are left."""
    ids = list(cluster_ids)
    items = ClusterItem.objects.filter(cluster=OuterRef("pk")).order_by().values("cluster")
    left = Coalesce(Subquery(items.annotate(left=Count("pk")).values("left")), 0)
    changed = Cluster.objects.filter(pk__in=ids).exclude(size=left)
    changed.update(size=left, version=F("version") + 1, updated_at=timezone.now())
    alone = Cluster.objects.filter(pk__in=ids, size__lt=2, decision="")
    ClusterItem.objects.filter(cluster__in=alone).delete()
    alone.delete()
