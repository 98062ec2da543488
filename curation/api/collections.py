"""REST: collections, and the media in them."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.ids import LARGEST_ID
from accounts.refusals import Conflict
from accounts.rest.methods import Methods
from accounts.rest.paging import PARAMETERS, PageQuery, Rows, page
from accounts.rest.parsers import JsonParser
from accounts.rest.requests import actor, asking, no_unknown_parameters, read, row_id
from accounts.rest.schema import ETAG, LINK, with_example
from accounts.rest.times import moment
from accounts.scopes import Right
from curation.actions import collections as actions
from curation.actions import find, sampling, searching
from curation.api import lists
from curation.api.media import IF_MATCH
from curation.api.preconditions import etag, if_match
from curation.api.rows import MEDIA_COLUMNS, Row, media_row, views_of
from curation.api.serializers import MediaOut
from curation.models import Collection, Media

COLUMNS = (
    "id", "created_at", "updated_at", "version", "name", "description", "owner_id", "organisation_id", "query",
    "sample", "seed", "frozen_at", "size", "report",
)  # fmt: skip
UNDRAWN = "A sample has its media once it is frozen."


class SampleIn(serializers.Serializer[Any]):
    """The best of an order, with at most so many of one view, camera, sequence or day (UTC)."""

    order = serializers.ChoiceField(choices=sampling.ORDERS)
    count = serializers.IntegerField(min_value=1, max_value=sampling.COUNT_MAX)
    per = serializers.ChoiceField(choices=sampling.PER, required=False)
    at_most = serializers.IntegerField(required=False, min_value=1, max_value=sampling.COUNT_MAX)
    seed = serializers.IntegerField(required=False, min_value=0, max_value=sampling.SEED_MAX, default=0)


@with_example(
    {
        "name": "false alarms, hard ones",
        "query": {"label_kind": "false_positive", "light": "day"},
        "sample": {"order": "score_desc", "count": 500, "per": "view", "at_most": 3, "seed": 0},
    }
)
class CollectionIn(serializers.Serializer[Any]):
    """Without a query: an empty list, to be filled."""

    name = serializers.CharField(max_length=100)
    description = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")
    query = serializers.DictField(
        child=serializers.CharField(max_length=100),
        required=False,
        allow_null=True,
        default=None,
        help_text="filters of the list of media, by name, each as text",
    )
    sample = SampleIn(required=False, allow_null=True, default=None)


@with_example({"name": "false alarms by night"})
class CollectionChangeIn(serializers.Serializer[Any]):
    name = serializers.CharField(required=False, max_length=100)
    description = serializers.CharField(required=False, allow_blank=True, max_length=500)


def _ids() -> serializers.ListField:
    one = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)
    return serializers.ListField(child=one, required=False, default=list, max_length=actions.AT_ONCE)


@with_example({"add": [7, 8]})
class ItemsIn(serializers.Serializer[Any]):
    """Ids of media."""

    add = _ids()
    remove = _ids()


class ItemsOut(serializers.Serializer[Any]):
    added = serializers.IntegerField(help_text="that were not in it before")
    removed = serializers.IntegerField()


class CollectionOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    name = serializers.CharField()
    description = serializers.CharField(allow_null=True)
    owner = serializers.IntegerField(allow_null=True)
    organisation = serializers.IntegerField(allow_null=True)
    query = serializers.DictField(child=serializers.CharField(), allow_null=True, help_text="null: a list")
    sample = SampleIn(allow_null=True)
    frozen_at = serializers.DateTimeField(allow_null=True)
    size = serializers.IntegerField(allow_null=True, help_text="media, once frozen; deleted ones are among them")
    report = serializers.DictField(
        child=serializers.IntegerField(), allow_null=True, help_text="of a sample: what was not drawn, and why"
    )
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class CollectedOut(serializers.Serializer[Any]):
    id = serializers.IntegerField(help_text="of the media")
    gone = serializers.BooleanField(help_text="it was deleted since it was collected")
    media = MediaOut(allow_null=True, help_text="null: it is gone")


def collection_row(collection: Collection | Row) -> Row:
    row = collection if isinstance(collection, dict) else {name: getattr(collection, name) for name in COLUMNS}
    return {
        "id": row["id"],
        "created_at": moment(row["created_at"]),
        "name": row["name"],
        "description": row["description"] or None,
        "owner": row["owner_id"],
        "organisation": row["organisation_id"],
        "query": row["query"],
        "sample": _sample_row(row),
        "frozen_at": moment(row["frozen_at"]),
        "size": row["size"],
        "report": row["report"],
        "updated_at": moment(row["updated_at"]),
        "version": row["version"],
    }


def _sample_row(row: Row) -> Row | None:
    if row["sample"] is None:
        return None
    return {name: value for name, value in row["sample"].items() if value} | {"seed": row["seed"]}


def collected_rows(rows: Rows) -> list[Row]:
    """Items of a page; what is told of a media that is gone is its id."""
    living = [row for row in rows if row.get("deleted_at") is None]
    views = views_of(living)
    shown = {row["id"]: media_row(row, views) for row in living}
    return [{"id": row["id"], "gone": row["id"] not in shown, "media": shown.get(row["id"])} for row in rows]


class CollectionViewSet(Methods, GenericViewSet[Collection]):
    """Media under a name."""

    queryset = Collection.objects.living()
    serializer_class = CollectionOut
    lookup_field = "collection_id"
    parser_classes = [JsonParser]
    rights: ClassVar[dict[str, Right]] = {
        "list": Right.READ,
        "create": Right.COLLECT,
        "retrieve": Right.READ,
        "partial_update": Right.COLLECT,
        "destroy": Right.COLLECT,
        "media": Right.READ,
        "change_media": Right.COLLECT,
        "freeze": Right.COLLECT,
    }
    refuses: ClassVar[dict[str, list[str]]] = {
        "create": ["409"],
        "retrieve": ["404"],
        "partial_update": ["404", "409", "412"],
        "destroy": ["404", "409", "412"],
        "media": ["404", "409"],
        "change_media": ["404", "409"],
        "freeze": ["404", "409", "412"],
    }

    def _collection(self, request: Request, collection_id: str) -> Collection:
        return find.place(Collection, row_id(collection_id, "collection_id"), access=asking(request))

    @extend_schema(
        filters=False, parameters=[PageQuery, LINK], responses=CollectionOut(many=True), tags=["collections"]
    )
    def list(self, request: Request) -> Response:
        """List the collections of your organisations, and your own."""
        no_unknown_parameters(request, PARAMETERS)
        found, headers = page(Collection.objects.visible_to(asking(request)).values(*COLUMNS), request)
        return Response([collection_row(row) for row in found], headers=headers)

    @extend_schema(request=CollectionIn, responses={201: CollectionOut}, tags=["collections"])
    def create(self, request: Request) -> Response:
        """Keep a search, a sample of one, or an empty list under a name."""
        no_unknown_parameters(request)
        asked = read(CollectionIn, request.data)
        made = actions.create(
            asked["name"],
            description=asked["description"],
            query=asked["query"],
            sample=asked["sample"] and dict(asked["sample"]),
            by=actor(request),
        )
        return _answer(made, status=201)

    @extend_schema(responses=CollectionOut, parameters=[ETAG], tags=["collections"])
    def retrieve(self, request: Request, collection_id: str) -> Response:
        """Show one collection."""
        no_unknown_parameters(request)
        return _answer(self._collection(request, collection_id))

    @extend_schema(
        request=CollectionChangeIn, responses=CollectionOut, parameters=[IF_MATCH, ETAG], tags=["collections"]
    )
    def partial_update(self, request: Request, collection_id: str) -> Response:
        """Name or describe a collection; what is in it stays."""
        no_unknown_parameters(request)
        row_id(collection_id, "collection_id")
        asked = read(CollectionChangeIn, request.data)
        collection = self._collection(request, collection_id)
        if_match(request, collection)
        return _answer(actions.describe(collection, asked, by=actor(request)))

    @extend_schema(responses={200: CollectionOut}, parameters=[IF_MATCH], tags=["collections"])
    def destroy(self, request: Request, collection_id: str) -> Response:
        """Delete a collection; its media stay."""
        no_unknown_parameters(request)
        collection = self._collection(request, collection_id)
        if_match(request, collection)
        actions.delete(collection, by=actor(request))
        return Response(collection_row(collection))

    @extend_schema(
        operation_id="collections_media_list",
        filters=False,
        parameters=[PageQuery, LINK],
        responses=CollectedOut(many=True),
        tags=["collections"],
    )
    def media(self, request: Request, collection_id: str) -> Response:
        """List the media of a collection that you may see.

        Of a query, whatever it finds now; of a list or a frozen collection, deleted ones as `gone`.
        """
        no_unknown_parameters(request, PARAMETERS)
        collection = self._collection(request, collection_id)
        if collection.is_list:
            rows = Media.objects.in_sight_of(asking(request)).filter(collected__collection=collection)
            found, headers = page(rows.values(*MEDIA_COLUMNS, "deleted_at"), request)
        elif collection.sample is not None:
            raise Conflict(UNDRAWN)
        else:
            search = searching.understood(collection.query or {}, "query")
            found, headers = lists.found_by(search, request)
        return Response(collected_rows(found), headers=headers)

    @extend_schema(
        operation_id="collections_media_change", request=ItemsIn, responses={200: ItemsOut}, tags=["collections"]
    )
    def change_media(self, request: Request, collection_id: str) -> Response:
        """Put media into a list, and take others out; the same once more changes nothing."""
        no_unknown_parameters(request)
        row_id(collection_id, "collection_id")
        asked = read(ItemsIn, request.data)
        collection = self._collection(request, collection_id)
        added, removed = actions.change_items(collection, **asked, by=actor(request))
        return Response({"added": added, "removed": removed})

    @extend_schema(
        operation_id="collections_freeze",
        request=None,
        responses={200: CollectionOut, 202: CollectionOut},
        parameters=[IF_MATCH],
        tags=["collections"],
    )
    def freeze(self, request: Request, collection_id: str) -> Response:
        """Freeze a collection: its media are those that it has now, for good.

        At once when they are few; a sample, and what finds many, is frozen by a job (202): look again until
        `frozen_at` is set.
        """
        no_unknown_parameters(request)
        collection = self._collection(request, collection_id)
        if_match(request, collection)
        frozen = actions.freeze(collection, by=actor(request))
        return _answer(frozen, status=200 if frozen.frozen_at else 202)


def _answer(collection: Collection, *, status: int = 200) -> Response:
    return Response(collection_row(collection), status=status, headers={"ETag": etag(collection.version)})
