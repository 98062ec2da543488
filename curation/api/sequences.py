"""REST: sequences, and their media in the order of capture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.conf import settings
from django.db.models import Max, Min
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.ids import LARGEST_ID
from accounts.refusals import Invalid
from accounts.rest.errors import problems
from accounts.rest.methods import Methods
from accounts.rest.paging import PageQuery, page
from accounts.rest.parsers import JsonParser
from accounts.rest.requests import actor, asking, no_unknown_parameters, read, row_id
from accounts.rest.schema import ETAG, LINK, with_example
from accounts.rest.times import moment
from accounts.scopes import Right
from curation.actions import cameras as actions
from curation.actions import find, layers, merging
from curation.api.cameras import REFUSES, MergeIn, columns_of, dates_of
from curation.api.filters import SEQUENCE_FILTERS, SequenceFilters, filtered
from curation.api.media import IF_MATCH
from curation.api.preconditions import etag, if_match
from curation.api.rows import MEDIA_COLUMNS, Row, annotation_row, media_row, views_of
from curation.api.serializers import AnnotationOut, MediaOut
from curation.models import Media, Sequence

COLUMNS = (
    "id", "created_at", "updated_at", "version", "name", "origin", "view_id", "organisation_id", "started_at",
    "ended_at", "merged_into_id", "shown_as_id",
)  # fmt: skip
AFTER = OpenApiParameter("after", {"type": "integer", "minimum": 1}, description="a media of it: those that follow")
LIMIT = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": settings.PAGE_SIZE_MAX, "default": settings.PAGE_SIZE},
    description="media a page",
)


@with_example({"name": "smoke over the ridge"})
class SequenceIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=255)


@with_example({"media_id": 7})
class SplitIn(serializers.Serializer[Any]):
    media_id = serializers.IntegerField(min_value=1)


class SequenceOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    name = serializers.CharField()
    origin = serializers.ChoiceField(choices=Sequence.Origin.choices)
    view = serializers.IntegerField(allow_null=True, help_text="of all its media")
    organisation = serializers.IntegerField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    merged_into = serializers.IntegerField(allow_null=True)
    shown_as = serializers.IntegerField(help_text="the sequence that its media are shown in")
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class _Ask(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=settings.PAGE_SIZE_MAX, default=settings.PAGE_SIZE)
    after = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)


def sequence_rows(sequences: Iterable[Sequence | Row]) -> list[Row]:
    """Sequences with the spans of those that were merged into them, in one more query for all."""
    rows = [columns_of(sequence, COLUMNS) for sequence in sequences]
    absorbed = Sequence.objects.filter(shown_as__in=[row["id"] for row in rows]).order_by()
    spans = absorbed.values_list("shown_as").annotate(Min("started_at"), Max("ended_at"))
    times = {pk: (start, end) for pk, start, end in spans}
    return [_row(row, *times.get(row["id"], (None, None))) for row in rows]


def _row(row: Row, start: Any, end: Any) -> Row:
    return {
        "id": row["id"],
        "name": row["name"],
        "origin": row["origin"],
        "view": row["view_id"],
        "organisation": row["organisation_id"],
        "started_at": moment(min(filter(None, (row["started_at"], start)), default=None)),
        "ended_at": moment(max(filter(None, (row["ended_at"], end)), default=None)),
        "merged_into": row["merged_into_id"],
        "shown_as": row["shown_as_id"] or row["id"],
    } | dates_of(row)


class SequenceViewSet(Methods, GenericViewSet[Sequence]):
    """Media that belong together."""

    queryset = Sequence.objects.all()
    serializer_class = SequenceOut
    filterset_class = SequenceFilters
    lookup_field = "sequence_id"
    parser_classes = [JsonParser]
    rights: ClassVar[dict[str, Right]] = {
        "list": Right.READ,
        "retrieve": Right.READ,
        "media": Right.READ,
        "partial_update": Right.CHANGE_PLACES,
        "merge": Right.CHANGE_PLACES,
        "undo": Right.CHANGE_PLACES,
        "split": Right.CHANGE_PLACES,
        "accept": Right.DECIDE,
    }
    refuses: ClassVar[dict[str, list[str]]] = REFUSES | {"accept": ["404", "409", "507"]}

    def _sequence(self, request: Request, number: int) -> Sequence:
        return find.place(Sequence, number, access=asking(request))

    @extend_schema(
        parameters=[PageQuery, *SEQUENCE_FILTERS, LINK], responses=SequenceOut(many=True), tags=["sequences"]
    )
    def list(self, request: Request) -> Response:
        """List the sequences of your organisations, merged ones too."""
        rows = filtered(SequenceFilters, Sequence.objects.visible_to(asking(request)), request)
        found, headers = page(rows.values(*COLUMNS), request)
        return Response(sequence_rows(found), headers=headers)

    @extend_schema(responses=SequenceOut, parameters=[ETAG], tags=["sequences"])
    def retrieve(self, request: Request, sequence_id: str) -> Response:
        """Show one sequence."""
        no_unknown_parameters(request)
        return _answer(self._sequence(request, row_id(sequence_id, "sequence_id")))

    @extend_schema(request=SequenceIn, responses=SequenceOut, parameters=[IF_MATCH, ETAG], tags=["sequences"])
    def partial_update(self, request: Request, sequence_id: str) -> Response:
        """Name a sequence; one that its pictures name keeps that name."""
        no_unknown_parameters(request)
        number, asked = row_id(sequence_id, "sequence_id"), read(SequenceIn, request.data)
        sequence = self._sequence(request, number)
        if_match(request, sequence)
        return _answer(actions.rename_sequence(sequence, asked["name"], by=actor(request)))

    @extend_schema(
        operation_id="sequences_media_list",
        filters=False,
        parameters=[LIMIT, AFTER, LINK],
        responses=MediaOut(many=True),
        tags=["sequences"],
    )
    def media(self, request: Request, sequence_id: str) -> Response:
        """List the media of a sequence that you may see, in the order of their capture.

        Then of their names; those whose time is unknown come first. `Link` leads to those that follow.
        """
        no_unknown_parameters(request, ("limit", "after"))
        number, asked = row_id(sequence_id, "sequence_id"), _asked(request)
        sequence = self._sequence(request, number)
        rows = Media.objects.visible_to(asking(request)).in_sequence(sequence.shown_ids())
        if "after" in asked:
            last = rows.filter(pk=asked["after"]).select_related("item").first()
            if last is None:
                raise Invalid("is no media of this sequence", "query", "after")
            rows = rows.following(last)
        found = [*rows.values(*MEDIA_COLUMNS)[: asked["limit"] + 1]]
        shown = found[: asked["limit"]]
        headers = {"Link": _next(request, shown[-1]["id"])} if len(found) > len(shown) else {}
        views = views_of(shown)
        return Response([media_row(row, views) for row in shown], headers=headers)

    @extend_schema(operation_id="sequences_merge", request=MergeIn, responses={200: SequenceOut}, tags=["sequences"])
    def merge(self, request: Request, sequence_id: str) -> Response:
        """Show the media of a sequence in another one; DELETE takes it back exactly."""
        no_unknown_parameters(request)
        number, into = row_id(sequence_id, "sequence_id"), read(MergeIn, request.data)["into"]
        gone, keep = self._sequence(request, number), self._sequence(request, into)
        return _answer(actions.merge_sequences(keep, gone, by=actor(request)))

    @extend_schema(operation_id="sequences_merge_undo", responses={200: SequenceOut}, tags=["sequences"])
    def undo(self, request: Request, sequence_id: str) -> Response:
        """Take the merge of a sequence back."""
        no_unknown_parameters(request)
        gone = self._sequence(request, row_id(sequence_id, "sequence_id"))
        return _answer(merging.undo(gone, by=actor(request)))

    @extend_schema(operation_id="sequences_split", request=SplitIn, responses={201: SequenceOut}, tags=["sequences"])
    def split(self, request: Request, sequence_id: str) -> Response:
        """Cut a sequence before one of its media.

        The answer is the new sequence, which begins with it.
        """
        no_unknown_parameters(request)
        number, media_id = row_id(sequence_id, "sequence_id"), read(SplitIn, request.data)["media_id"]
        sequence, media = self._sequence(request, number), find.media(media_id, access=asking(request))
        answer = _answer(actions.split(sequence, media, by=actor(request)))
        answer.status_code = 201
        return answer

    @extend_schema(
        operation_id="sequences_accept", request=None, responses={201: AnnotationOut(many=True)}, tags=["sequences"]
    )
    def accept(self, request: Request, sequence_id: str) -> Response:
        """Accept what a model said of the media of a sequence: of all of them, or of none.

        Its regions are copied to their human layers, without scores. Media with two predictions, or whose human
        layer says something else, are a conflict. Accepted again, nothing changes.
        """
        no_unknown_parameters(request)
        sequence = self._sequence(request, row_id(sequence_id, "sequence_id"))
        said = layers.predictions_in(sequence, asking(request))
        return Response([annotation_row(row) for row in layers.accept(said, by=actor(request))], status=201)


def _asked(request: Request) -> dict[str, int]:
    query = _Ask(data=request.query_params.dict())
    if not query.is_valid():
        first = problems(query.errors, "query")[0]
        raise Invalid(first["msg"], *first["loc"], kind=first["type"])
    return dict(query.validated_data)


def _next(request: Request, media_id: int) -> str:
    query = request.query_params.copy()
    query["after"] = str(media_id)
    return f'<{request.build_absolute_uri(f"{request.path}?{query.urlencode()}")}>; rel="next"'


def _answer(sequence: Sequence) -> Response:
    return Response(sequence_rows([sequence])[0], headers={"ETag": etag(sequence.version)})
