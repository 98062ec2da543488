"""Whether clusters count their media rightly, and keep one of them where one is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, F, Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from curation.actions.checking.report import Code, Problem
from curation.models import Cluster, ClusterItem

BATCH = 1000  # clusters that a statement looks at


def look() -> Iterator[Problem]:
    done, last = 0, Cluster.objects.aggregate(last=Max("pk"))["last"] or 0
    while done < last:
        for cluster in _disagreeing(Q(pk__gt=done, pk__lte=done + BATCH)):
            sentence = f"The cluster counts {cluster.size} media and has {cluster.counted}."
            yield Problem(Code.CLUSTER_DIFFERS, sentence, "", "cluster", cluster.pk)
        done += BATCH


def _disagreeing(window: Q) -> list[Any]:
    """Those that count other media than they have, or that are clusters of one without a reason."""
    counted = ClusterItem.objects.filter(cluster=OuterRef("pk")).order_by().values("cluster")
    rows = Cluster.objects.filter(window).annotate(
        counted=Coalesce(Subquery(counted.annotate(counted=Count("pk")).values("counted")), 0)
    )
    return list(rows.filter(~Q(size=F("counted")) | Q(counted__lt=2, decision="")).order_by("pk"))
