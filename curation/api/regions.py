"""REST: the regions of layers, their revisions, and what people decide about them."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.refusals import Invalid, Stale
from accounts.rest.methods import Methods
from accounts.rest.paging import PARAMETERS, PageQuery, page
from accounts.rest.requests import actor, asking, no_unknown_parameters, read, row_id
from accounts.rest.schema import ETAG, LINK, ROW_ID
from accounts.scopes import Right
from curation.actions import find, layers
from curation.actions import regions as actions
from curation.api.media import IDEMPOTENCY, IF_MATCH
from curation.api.once import once, receipt, replayed
from curation.api.preconditions import etag, if_match
from curation.api.region_rows import (
    FOUND_COLUMNS,
    REVISION_COLUMNS,
    DiffOut,
    FoundRegionOut,
    RegionsIn,
    RegionsOut,
    RestoreIn,
    RevisionOut,
    diff_row,
    found_row,
    region_of,
    regions_row,
    revision_row,
)
from curation.api.rows import Row, annotation_row
from curation.api.serializers import AnnotationOut
from curation.models import Annotation, Media, Region


def _row(annotation: Annotation) -> Row:
    current = annotation.current
    return regions_row(annotation, current, actions.of(current) if current else None)


def _seen(request: Request, layer: Annotation | None) -> int:
    """The version of the human layer that the caller decided on; 0 without If-Match. Raises Stale."""
    if "If-Match" not in request.headers:
        return 0
    if layer is None:
        raise Stale(layers.STALE)
    if_match(request, layer)
    return layer.version


class MediaRegionsView(Methods, APIView):
    """What a person says that a picture shows."""

    rights: ClassVar[dict[str, Right]] = {"get": Right.READ, "put": Right.DECIDE}
    refuses: ClassVar[dict[str, list[str]]] = {"get": ["404"], "put": ["404", "409", "412", "507"]}

    @extend_schema(
        operation_id="media_regions_list",
        parameters=[PageQuery, LINK],
        responses=FoundRegionOut(many=True),
        tags=["regions"],
    )
    def get(self, request: Request, media_id: str) -> Response:
        """List the regions of a media, those of all its layers that you may see."""
        no_unknown_parameters(request, PARAMETERS)
        media = find.media(row_id(media_id, "media_id"), access=asking(request))
        rows = Region.objects.visible_to(asking(request)).filter(media=media)
        found, headers = page(rows.values(*FOUND_COLUMNS), request)
        return Response([found_row(row) for row in found], headers=headers)

    @extend_schema(
        operation_id="media_regions_update",
        request=RegionsIn,
        responses=RegionsOut,
        parameters=[IF_MATCH, IDEMPOTENCY, ETAG],
        tags=["regions"],
    )
    def put(self, request: Request, media_id: str) -> Response:
        """Say what a picture shows: makes or edits its one human layer.

        Editing asks for `If-Match` with the version that was looked at. Each edit is a revision; the same regions
        again change nothing.
        """
        no_unknown_parameters(request)
        number, asked = row_id(media_id, "media_id"), read(RegionsIn, request.data)
        said = [region_of(region, place) for place, region in enumerate(asked["regions"])]
        given = receipt(request, asked, request.headers.get("If-Match"))
        if answer := replayed(given):
            return answer
        media = find.media(number, access=asking(request))
        seen = _seen(request, self._changeable(request, media))
        by, note = actor(request), asked["note"]
        answer = once(
            given,
            lambda keep: layers.edit(media, said, by=by, if_version=seen, note=note, keep=keep),
            show=_row,
            status=200,
        )
        answer.headers["ETag"] = etag(answer.data["version"])
        return answer

    def _changeable(self, request: Request, media: Media) -> Annotation | None:
        layer = layers.human_layer(media)
        if layer is not None:
            find.changeable(layer, access=asking(request))
        return layer


class LayerViewSet(Methods, GenericViewSet[Annotation]):
    """One layer: what it says, what it said, and what follows from it."""

    queryset = Annotation.objects.living()
    serializer_class = RegionsOut
    rights: ClassVar[dict[str, Right]] = {
        "regions": Right.READ,
        "revisions": Right.READ,
        "diff": Right.READ,
        "accept": Right.DECIDE,
        "restore": Right.DECIDE,
    }
    refuses: ClassVar[dict[str, list[str]]] = {
        "regions": ["404", "409"],
        "revisions": ["404"],
        "diff": ["404", "409"],
        "accept": ["404", "409", "412", "507"],
        "restore": ["404", "409", "412"],
    }

    def _annotation(self, request: Request, annotation_id: str) -> Annotation:
        return find.annotation(row_id(annotation_id, "annotation_id"), access=asking(request))

    @extend_schema(responses=RegionsOut, parameters=[ETAG], tags=["regions"])
    def regions(self, request: Request, annotation_id: str) -> Response:
        """Show the regions of a layer, in fractions of the upright picture."""
        no_unknown_parameters(request)
        annotation = self._annotation(request, annotation_id)
        return Response(_row(annotation), headers={"ETag": etag(annotation.version)})

    @extend_schema(parameters=[PageQuery, LINK], responses=RevisionOut(many=True), tags=["regions"])
    def revisions(self, request: Request, annotation_id: str) -> Response:
        """List the revisions of a layer, who made them and when."""
        no_unknown_parameters(request, PARAMETERS)
        rows = self._annotation(request, annotation_id).revisions.values(*REVISION_COLUMNS)
        found, headers = page(rows, request)
        return Response([revision_row(row) for row in found], headers=headers)

    @extend_schema(
        parameters=[
            OpenApiParameter("from", ROW_ID, required=True, description="number of a revision"),
            OpenApiParameter("to", ROW_ID, required=True, description="number of a revision"),
        ],
        responses=DiffOut,
        tags=["regions"],
    )
    def diff(self, request: Request, annotation_id: str) -> Response:
        """Compare two revisions of a layer."""
        no_unknown_parameters(request, ("from", "to"))
        numbers = [_number(request, name) for name in ("from", "to")]
        annotation = self._annotation(request, annotation_id)
        before, after = (layers.revision_of(annotation, number) for number in numbers)
        return Response(diff_row(layers.diff(before, after)))

    @extend_schema(request=None, responses={201: AnnotationOut}, parameters=[IF_MATCH, IDEMPOTENCY], tags=["regions"])
    def accept(self, request: Request, annotation_id: str) -> Response:
        """Accept what a layer says: its regions are copied to the human layer.

        The media must have none yet, or one that says the same.
        """
        no_unknown_parameters(request)
        number = row_id(annotation_id, "annotation_id")
        given = receipt(request)
        if answer := replayed(given):
            return answer
        annotation = find.annotation(number, access=asking(request))
        find.media(annotation.media_id, access=asking(request))
        if_match(request, annotation)
        by = actor(request)
        return once(
            given,
            lambda keep: layers.accept([annotation], by=by, keep=lambda made: keep(made[0]))[0],
            show=annotation_row,
            status=201,
        )

    @extend_schema(request=RestoreIn, responses=RegionsOut, parameters=[IF_MATCH, ETAG], tags=["regions"])
    def restore(self, request: Request, annotation_id: str) -> Response:
        """Go back to an earlier revision of a layer, which makes a new one."""
        no_unknown_parameters(request)
        number, asked = row_id(annotation_id, "annotation_id"), read(RestoreIn, request.data)
        annotation = find.annotation(number, access=asking(request))
        find.changeable(annotation, access=asking(request))
        if_match(request, annotation)
        revision = layers.revision_of(annotation, asked["revision"])
        restored = layers.restore(annotation, revision, by=actor(request))
        return Response(_row(restored), headers={"ETag": etag(restored.version)})


def _number(request: Request, name: str) -> int:
    if name not in request.query_params:
        raise Invalid("field required", "query", name, kind="value_error.missing")
    return row_id(request.query_params[name], name, place="query")
