"""REST: clusters of near-duplicates, and what is decided about them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import django_filters
from django.db.models import Count, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.ids import LARGEST_ID
from accounts.models import Access
from accounts.refusals import Invalid
from accounts.rest.methods import Methods
from accounts.rest.paging import PageQuery, page
from accounts.rest.parsers import JsonParser
from accounts.rest.requests import actor, asking, no_unknown_parameters, read, row_id
from accounts.rest.schema import ETAG, LINK, ROW_ID, with_example
from accounts.rest.times import moment
from accounts.scopes import Right
from curation.actions import find
from curation.actions.duplicates import deciding
from curation.api.filters import SPOKEN, IdFilter, filtered
from curation.api.media import IF_MATCH
from curation.api.preconditions import etag, if_match
from curation.api.rows import Row
from curation.models import Cluster, ClusterItem
from curation.models.cluster import WIDEST

COLUMNS = (
    "id", "created_at", "updated_at", "version", "kind", "awaits", "decision", "kept_id", "decided_by_id", "decided_at",
)  # fmt: skip
ITEM_COLUMNS = ("id", "created_at", "media_id", "distance", "is_new")


@with_example({"decision": "keep_all"})
class DecisionIn(serializers.Serializer[Any]):
    decision = serializers.ChoiceField(choices=Cluster.Decision.choices)
    kept = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=LARGEST_ID, help_text="id of a media, with keep_one"
    )


class ClusterOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=Cluster.Kind.choices)
    size = serializers.IntegerField(help_text="its media that you may see")
    awaits = serializers.BooleanField(help_text="nothing is decided, or media joined since")
    decision = serializers.ChoiceField(choices=Cluster.Decision.choices, allow_null=True)
    kept = serializers.IntegerField(allow_null=True)
    decided_by = serializers.IntegerField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class ClusterItemOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    media = serializers.IntegerField()
    distance = serializers.IntegerField(
        min_value=0, max_value=WIDEST, help_text="bits of 256 that differ from the centre of the cluster"
    )
    is_new = serializers.BooleanField(help_text="joined after the decision, which is not about it")


class ClusterFilters(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(choices=Cluster.Kind.choices)
    decision = django_filters.ChoiceFilter(choices=Cluster.Decision.choices)
    awaits = django_filters.CharFilter(method="by_awaits")
    media = IdFilter(method="by_media")

    class Meta:
        model = Cluster
        fields: list[str] = []

    def by_media(self, rows: QuerySet[Cluster], name: str, value: int) -> QuerySet[Cluster]:
        """Which media are seen is for the view to say."""
        return rows

    def by_awaits(self, rows: QuerySet[Cluster], name: str, value: str) -> QuerySet[Cluster]:
        if value.lower() not in SPOKEN:
            raise Invalid("must be true or false", "query", "awaits")
        return rows.filter(awaits=SPOKEN[value.lower()])


CLUSTER_FILTERS = [
    OpenApiParameter("kind", {"type": "string", "enum": list(Cluster.Kind.values)}),
    OpenApiParameter("decision", {"type": "string", "enum": list(Cluster.Decision.values)}),
    OpenApiParameter("awaits", {"type": "boolean"}, description="nothing is decided, or media joined since"),
    OpenApiParameter("media", ROW_ID, description="id of a media: the cluster that it is in"),
]


def cluster_rows(clusters: Iterable[Row], access: Access) -> list[Row]:
    """Clusters as the access sees them, in two more queries for all: nothing tells of media that it may not see."""
    rows = list(clusters)
    seen = ClusterItem.objects.visible_to(access).order_by()
    counted = seen.filter(cluster__in=[row["id"] for row in rows]).values_list("cluster").annotate(Count("pk"))
    sizes: dict[int, int] = dict(counted)
    kept = {row["kept_id"] for row in rows if row["kept_id"]}
    known = set(seen.filter(media__in=kept).values_list("media", flat=True)) if kept else set()
    return [_row(row, sizes.get(row["id"], 0), row["kept_id"] if row["kept_id"] in known else None) for row in rows]


def _row(row: Row, size: int, kept: int | None) -> Row:
    return {
        "id": row["id"],
        "created_at": moment(row["created_at"]),
        "kind": row["kind"],
        "size": size,
        "awaits": row["awaits"],
        "decision": row["decision"] or None,
        "kept": kept,
        "decided_by": row["decided_by_id"],
        "decided_at": moment(row["decided_at"]),
        "updated_at": moment(row["updated_at"]),
        "version": row["version"],
    }


def _item_row(row: Row) -> Row:
    return {
        "id": row["id"],
        "created_at": moment(row["created_at"]),
        "media": row["media_id"],
        "distance": row["distance"],
        "is_new": row["is_new"],
    }


class ClusterViewSet(Methods, GenericViewSet[Cluster]):
    """Media that look alike."""

    queryset = Cluster.objects.all()
    serializer_class = ClusterOut
    filterset_class = ClusterFilters
    lookup_field = "cluster_id"
    parser_classes = [JsonParser]
    rights: ClassVar[dict[str, Right]] = {
        "list": Right.READ,
        "retrieve": Right.READ,
        "items": Right.READ,
        "decide": Right.DECIDE_DUPLICATES,
        "undo": Right.DECIDE_DUPLICATES,
    }
    refuses: ClassVar[dict[str, list[str]]] = {
        "retrieve": ["404"],
        "items": ["404"],
        "decide": ["404", "409", "412"],
        "undo": ["404", "409", "412"],
    }

    @extend_schema(parameters=[PageQuery, *CLUSTER_FILTERS, LINK], responses=ClusterOut(many=True), tags=["clusters"])
    def list(self, request: Request) -> Response:
        """List the clusters of which you see two media at least."""
        access = asking(request)
        rows = filtered(ClusterFilters, Cluster.objects.visible_to(access), request)
        if "media" in request.query_params:  # a cluster may be seen in part, and then only by that part
            items = ClusterItem.objects.visible_to(access).filter(media=int(request.query_params["media"]))
            rows = rows.filter(pk__in=items.values("cluster"))
        found, headers = page(rows.values(*COLUMNS), request)
        return Response(cluster_rows(found, access), headers=headers)

    @extend_schema(responses=ClusterOut, parameters=[ETAG], tags=["clusters"])
    def retrieve(self, request: Request, cluster_id: str) -> Response:
        """Show one cluster."""
        no_unknown_parameters(request)
        return self._answer(request, find.cluster(row_id(cluster_id, "cluster_id"), access=asking(request)))

    @extend_schema(
        operation_id="clusters_items_list",
        filters=False,
        parameters=[PageQuery, LINK],
        responses=ClusterItemOut(many=True),
        tags=["clusters"],
    )
    def items(self, request: Request, cluster_id: str) -> Response:
        """List the media of a cluster that you may see."""
        no_unknown_parameters(request, ("limit", "before", "after"))
        access = asking(request)
        cluster = find.cluster(row_id(cluster_id, "cluster_id"), access=access)
        rows = ClusterItem.objects.visible_to(access).filter(cluster=cluster)
        found, headers = page(rows.values(*ITEM_COLUMNS), request)
        return Response([_item_row(row) for row in found], headers=headers)

    @extend_schema(
        operation_id="clusters_decide",
        request=DecisionIn,
        responses={200: ClusterOut},
        parameters=[IF_MATCH, ETAG],
        tags=["clusters"],
    )
    def decide(self, request: Request, cluster_id: str) -> Response:
        """Decide about all media that are in a cluster now.

        `keep_all`: they are alike and all of use. `keep_one`: the others stand back when training sets are made.
        `not_duplicates`: they only look alike. Nothing is deleted; DELETE takes the decision back.
        """
        cluster, asked = self._to_change(request, cluster_id), read(DecisionIn, request.data)
        decided = deciding.decide(cluster, asked["decision"], kept=asked.get("kept"), by=actor(request))
        return self._answer(request, decided)

    @extend_schema(
        operation_id="clusters_undo",
        request=None,
        responses={200: ClusterOut},
        parameters=[IF_MATCH],
        tags=["clusters"],
    )
    def undo(self, request: Request, cluster_id: str) -> Response:
        """Take a decision back."""
        return self._answer(request, deciding.undo(self._to_change(request, cluster_id), by=actor(request)))

    def _to_change(self, request: Request, cluster_id: str) -> Cluster:
        no_unknown_parameters(request)
        cluster = find.cluster(row_id(cluster_id, "cluster_id"), access=asking(request))
        find.changeable(cluster, access=asking(request))
        if_match(request, cluster)
        return cluster

    def _answer(self, request: Request, cluster: Cluster) -> Response:
        [row] = cluster_rows([{name: getattr(cluster, name) for name in COLUMNS}], asking(request))
        return Response(row, headers={"ETag": etag(cluster.version)})
