"""REST: media. Views understand, act, show."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.refusals import Invalid
from accounts.rest.paging import PageQuery
from accounts.rest.requests import actor, asking, no_unknown_parameters, read, row_id
from accounts.rest.schema import ETAG, LINK
from accounts.scopes import Right
from curation.actions import find, links
from curation.actions import media as actions
from curation.actions.content import limit_of
from curation.api import lists
from curation.api.base import FileViewSet
from curation.api.bodies import announced, receive
from curation.api.filters import MEDIA_FILTERS, MEDIA_ORDER
from curation.api.once import once, receipt, replayed
from curation.api.preconditions import etag, if_match
from curation.api.rows import media_row, views_of
from curation.api.serializers import DescribeIn, MediaIn, MediaOut, TypeIn, UploadIn, UrlOut
from curation.models import Derived, Media

IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,200}$"},
    OpenApiParameter.HEADER,
    description="the same key gives the same answer for a day",
)
SIZE = OpenApiParameter(
    "size", {"type": "string", "enum": Derived.Kind.values, "default": Derived.Kind.SMALL}, description="320 or 1280 px"
)
IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="the ETag that was looked at")


class MediaViewSet(FileViewSet[Media]):
    """Pictures and videos."""

    queryset = Media.objects.living()
    serializer_class = MediaOut
    lookup_field = "media_id"
    rights: ClassVar[dict[str, Right]] = {
        "list": Right.READ,
        "create": Right.CREATE_MEDIA,
        "retrieve": Right.READ,
        "update": Right.EDIT_MEDIA,
        "partial_update": Right.DESCRIBE_MEDIA,
        "destroy": Right.DELETE_MEDIA,
        "upload": Right.UPLOAD_MEDIA,
        "url": Right.READ,
        "thumbnail": Right.READ,
    }
    refuses: ClassVar[dict[str, list[str]]] = FileViewSet.refuses | {"create": ["409"]}

    @extend_schema(
        filters=False,
        parameters=[PageQuery, *MEDIA_FILTERS, *MEDIA_ORDER, LINK],
        responses=MediaOut(many=True),
        tags=["media"],
    )
    def list(self, request: Request) -> Response:
        """List the media that you may see.

        The newest fifty, oldest first, unless asked otherwise; `Link` leads to older and newer ones. For a span of
        capture times ask `order=captured`: the order is then that of capture, and what has no time is left out.
        """
        found, headers = lists.media_page(request)
        views = views_of(found)
        return Response([media_row(row, views) for row in found], headers=headers)

    @extend_schema(request=MediaIn, responses={201: MediaOut}, parameters=[IDEMPOTENCY], tags=["media"])
    def create(self, request: Request) -> Response:
        """Announce a media; upload its file next."""
        no_unknown_parameters(request)
        asked = read(MediaIn, request.data)
        given = receipt(request, asked)
        if answer := replayed(given):
            return answer
        by = actor(request)
        return once(given, lambda keep: actions.create(**asked, by=by, keep=keep), show=media_row, status=201)

    @extend_schema(responses=MediaOut, parameters=[ETAG], tags=["media"])
    def retrieve(self, request: Request, media_id: str) -> Response:
        """Show one media."""
        no_unknown_parameters(request)
        return self._show(find.media(row_id(media_id, "media_id"), access=asking(request)))

    def _show(self, media: Media) -> Response:
        return Response(media_row(media), headers={"ETag": etag(media.version)})

    def _changeable(self, request: Request, media_id: int) -> Media:
        media = find.media(media_id, access=asking(request))
        find.changeable(media, access=asking(request))
        if_match(request, media)
        return media

    @extend_schema(request=TypeIn, responses=MediaOut, parameters=[IF_MATCH, ETAG], tags=["media"])
    def update(self, request: Request, media_id: str) -> Response:
        """Set the type of a media."""
        no_unknown_parameters(request)
        number, asked = row_id(media_id, "media_id"), read(TypeIn, request.data)
        media = self._changeable(request, number)
        return self._show(actions.set_type(media, asked["type"], by=actor(request)))

    @extend_schema(request=DescribeIn, responses=MediaOut, parameters=[IF_MATCH, ETAG], tags=["media"])
    def partial_update(self, request: Request, media_id: str) -> Response:
        """Say when, where and by which camera a media was taken."""
        no_unknown_parameters(request)
        number, asked = row_id(media_id, "media_id"), read(DescribeIn, request.data)
        media = self._changeable(request, number)
        return self._show(actions.describe(media, asked, by=actor(request)))

    @extend_schema(responses={200: MediaOut}, parameters=[IF_MATCH], tags=["media"])
    def destroy(self, request: Request, media_id: str) -> Response:
        """Delete a media: hidden at once, its bytes freed after 30 days."""
        no_unknown_parameters(request)
        media = self._changeable(request, row_id(media_id, "media_id"))
        actions.delete(media, by=actor(request))
        return Response(media_row(media))

    @extend_schema(
        request={"multipart/form-data": UploadIn},
        responses=MediaOut,
        parameters=[IDEMPOTENCY, IF_MATCH],
        tags=["media"],
    )
    def upload(self, request: Request, media_id: str) -> Response:
        """Upload the file of a media; the same bytes again change nothing."""
        no_unknown_parameters(request)
        number = row_id(media_id, "media_id")
        received = receive(request, {"file": self._limit(request, number)})
        spooled = received.spooled("file")
        given = receipt(request, spooled.sha256, received.fields)
        if answer := replayed(given):
            return answer
        media, name, by = self._changeable(request, number), received.files["file"].original_name, actor(request)
        return once(
            given, lambda keep: actions.accept(media, spooled, name=name, by=by, keep=keep), show=media_row, status=200
        )

    def _limit(self, request: Request, media_id: int) -> int:
        """How much may come: by the type of the media, looked up before a body is read that no image may have.

        Refusals wait their turn.
        """
        length = announced(request)
        if length is not None and length <= settings.IMAGE_MAX_BYTES:
            return limit_of(Media.Type.IMAGE)
        seen = Media.objects.visible_to(asking(request)).filter(pk=media_id).values_list("type", flat=True)
        return limit_of(next(iter(seen), Media.Type.IMAGE))

    @extend_schema(responses=UrlOut, tags=["media"])
    def url(self, request: Request, media_id: str) -> Response:
        """Make a link to the picture or video, valid for an hour."""
        no_unknown_parameters(request)
        media = find.media(row_id(media_id, "media_id"), access=asking(request))
        return Response({"url": links.link(media)})

    @extend_schema(responses=UrlOut, parameters=[SIZE], tags=["media"])
    def thumbnail(self, request: Request, media_id: str) -> Response:
        """Make a link to a thumbnail, valid for an hour.

        Upright, WebP, without metadata, its longer side at most 320 pixels (small) or 1280 (large); of a video, one
        of its pictures. It is made within moments of an upload: until then, and where none can be made, 404.
        """
        no_unknown_parameters(request, {"size"})
        number, size = row_id(media_id, "media_id"), request.query_params.get("size", Derived.Kind.SMALL)
        if size not in Derived.Kind.values:
            raise Invalid("value is not small or large", "query", "size", kind="type_error.enum")
        return Response({"url": links.thumbnail(find.media(number, access=asking(request)), size)})
