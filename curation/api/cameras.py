"""REST: cameras and views. A view that was merged says into which; its media are shown with that one."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.rest.methods import Methods
from accounts.rest.paging import PageQuery, page
from accounts.rest.parsers import JsonParser
from accounts.rest.requests import actor, asking, no_unknown_parameters, read, row_id
from accounts.rest.schema import ETAG, LINK, with_example
from accounts.rest.times import moment
from accounts.scopes import Right
from curation.actions import cameras as actions
from curation.actions import find, merging
from curation.api.filters import CAMERA_FILTERS, VIEW_FILTERS, CameraFilters, ViewFilters, filtered
from curation.api.media import IF_MATCH
from curation.api.preconditions import etag, if_match
from curation.api.rows import Row
from curation.api.serializers import azimuth_of
from curation.models import Camera, View

CAMERA_COLUMNS = (
    "id", "created_at", "updated_at", "version", "name", "organisation_id", "latitude", "longitude", "elevation",
    "fov", "timezone",
)  # fmt: skip
VIEW_COLUMNS = ("id", "created_at", "updated_at", "version", "camera_id", "azimuth", "merged_into_id", "shown_as_id")
REFUSES: dict[str, list[str]] = {
    "retrieve": ["404"],
    "partial_update": ["404", "409", "412"],
    "media": ["404"],
    "merge": ["404", "409"],
    "undo": ["404", "409"],
    "split": ["404", "409"],
}


@with_example({"latitude": 44.6, "longitude": 4.4, "elevation": 812, "timezone": "Europe/Paris"})
class CameraIn(serializers.Serializer[Any]):
    name = serializers.CharField(required=False, max_length=100)
    latitude = serializers.FloatField(required=False, allow_null=True, min_value=-90, max_value=90)
    longitude = serializers.FloatField(required=False, allow_null=True, min_value=-180, max_value=180)
    elevation = serializers.FloatField(
        required=False, allow_null=True, min_value=-500, max_value=9000, help_text="metres above the sea"
    )
    fov = serializers.FloatField(
        required=False, allow_null=True, min_value=0.01, max_value=360, help_text="degrees that a picture is wide"
    )
    timezone = serializers.CharField(required=False, max_length=64, help_text="such as Europe/Paris")


class CameraOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    name = serializers.CharField()
    organisation = serializers.IntegerField(allow_null=True)
    latitude = serializers.FloatField(allow_null=True)
    longitude = serializers.FloatField(allow_null=True)
    elevation = serializers.FloatField(allow_null=True)
    fov = serializers.FloatField(allow_null=True)
    timezone = serializers.CharField()
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField()


@with_example({"azimuth": 127})
class ViewIn(serializers.Serializer[Any]):
    """Azimuth in degrees: 360 is 0, 999 is unknown."""

    azimuth = serializers.IntegerField(allow_null=True, min_value=0, max_value=999)

    def validate_azimuth(self, azimuth: int | None) -> int | None:
        return azimuth_of(azimuth)


class ViewOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    camera = serializers.IntegerField()
    azimuth = serializers.IntegerField(allow_null=True, help_text="degrees, 0 to 359")
    merged_into = serializers.IntegerField(allow_null=True)
    shown_as = serializers.IntegerField(help_text="the view that its media are shown with")
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField()


@with_example({"into": 7})
class MergeIn(serializers.Serializer[Any]):
    into = serializers.IntegerField(min_value=1)


def camera_row(camera: Camera | Row) -> Row:
    row = columns_of(camera, CAMERA_COLUMNS)
    said = {name: row[name] for name in ("id", "name", "latitude", "longitude", "elevation", "fov", "timezone")}
    return said | {"organisation": row["organisation_id"]} | dates_of(row)


def view_row(view: View | Row) -> Row:
    row = columns_of(view, VIEW_COLUMNS)
    return {
        "id": row["id"],
        "camera": row["camera_id"],
        "azimuth": row["azimuth"],
        "merged_into": row["merged_into_id"],
        "shown_as": row["shown_as_id"] or row["id"],
    } | dates_of(row)


def dates_of(row: Row) -> Row:
    dates = {name: moment(row[name]) for name in ("created_at", "updated_at")}
    return dates | {"version": row["version"]}


def columns_of(row: Any, names: tuple[str, ...]) -> Row:
    return row if isinstance(row, dict) else {name: getattr(row, name) for name in names}


class CameraViewSet(Methods, GenericViewSet[Camera]):
    """Cameras."""

    queryset = Camera.objects.all()
    serializer_class = CameraOut
    filterset_class = CameraFilters
    lookup_field = "camera_id"
    parser_classes = [JsonParser]
    rights: ClassVar[dict[str, Right]] = {
        "list": Right.READ,
        "retrieve": Right.READ,
        "partial_update": Right.CHANGE_PLACES,
    }
    refuses = REFUSES

    @extend_schema(parameters=[PageQuery, *CAMERA_FILTERS, LINK], responses=CameraOut(many=True), tags=["cameras"])
    def list(self, request: Request) -> Response:
        """List the cameras of your organisations."""
        rows = filtered(CameraFilters, Camera.objects.visible_to(asking(request)), request)
        found, headers = page(rows.values(*CAMERA_COLUMNS), request)
        return Response([camera_row(row) for row in found], headers=headers)

    @extend_schema(responses=CameraOut, parameters=[ETAG], tags=["cameras"])
    def retrieve(self, request: Request, camera_id: str) -> Response:
        """Show one camera."""
        no_unknown_parameters(request)
        return _answer(find.place(Camera, row_id(camera_id, "camera_id"), access=asking(request)), camera_row)

    @extend_schema(request=CameraIn, responses=CameraOut, parameters=[IF_MATCH, ETAG], tags=["cameras"])
    def partial_update(self, request: Request, camera_id: str) -> Response:
        """Say where a camera stands and what it sees."""
        no_unknown_parameters(request)
        number, asked = row_id(camera_id, "camera_id"), read(CameraIn, request.data)
        camera = find.place(Camera, number, access=asking(request))
        if_match(request, camera)
        return _answer(actions.describe_camera(camera, asked, by=actor(request)), camera_row)


class ViewViewSet(Methods, GenericViewSet[View]):
    """Directions that cameras look in."""

    queryset = View.objects.all()
    serializer_class = ViewOut
    filterset_class = ViewFilters
    lookup_field = "view_id"
    parser_classes = [JsonParser]
    rights: ClassVar[dict[str, Right]] = {
        "list": Right.READ,
        "retrieve": Right.READ,
        "partial_update": Right.CHANGE_PLACES,
        "merge": Right.CHANGE_PLACES,
        "undo": Right.CHANGE_PLACES,
    }
    refuses = REFUSES

    def _view(self, request: Request, number: int) -> View:
        return find.place(View, number, access=asking(request))

    @extend_schema(parameters=[PageQuery, *VIEW_FILTERS, LINK], responses=ViewOut(many=True), tags=["cameras"])
    def list(self, request: Request) -> Response:
        """List the views of these cameras, merged ones too."""
        rows = filtered(ViewFilters, View.objects.visible_to(asking(request)), request)
        found, headers = page(rows.values(*VIEW_COLUMNS), request)
        return Response([view_row(row) for row in found], headers=headers)

    @extend_schema(responses=ViewOut, parameters=[ETAG], tags=["cameras"])
    def retrieve(self, request: Request, view_id: str) -> Response:
        """Show one view."""
        no_unknown_parameters(request)
        return _answer(self._view(request, row_id(view_id, "view_id")), view_row)

    @extend_schema(request=ViewIn, responses=ViewOut, parameters=[IF_MATCH, ETAG], tags=["cameras"])
    def partial_update(self, request: Request, view_id: str) -> Response:
        """Correct the azimuth of a view.

        Names that spell the old one still lead to it; the azimuth of its media stays as it was given.
        """
        no_unknown_parameters(request)
        number, asked = row_id(view_id, "view_id"), read(ViewIn, request.data)
        view = self._view(request, number)
        if_match(request, view)
        return _answer(actions.turn(view, asked["azimuth"], by=actor(request)), view_row)

    @extend_schema(operation_id="views_merge", request=MergeIn, responses={200: ViewOut}, tags=["cameras"])
    def merge(self, request: Request, view_id: str) -> Response:
        """Show the media of a view with another view of its camera.

        Now, and when more come. No media, file or digest changes; DELETE takes it back exactly.
        """
        no_unknown_parameters(request)
        number, into = row_id(view_id, "view_id"), read(MergeIn, request.data)["into"]
        gone, keep = self._view(request, number), self._view(request, into)
        return _answer(actions.merge_views(keep, gone, by=actor(request)), view_row)

    @extend_schema(operation_id="views_merge_undo", responses={200: ViewOut}, tags=["cameras"])
    def undo(self, request: Request, view_id: str) -> Response:
        """Take the merge of a view back."""
        no_unknown_parameters(request)
        gone = self._view(request, row_id(view_id, "view_id"))
        return _answer(merging.undo(gone, by=actor(request)), view_row)


def _answer(row: Any, show: Any) -> Response:
    return Response(show(row), headers={"ETag": etag(row.version)})
