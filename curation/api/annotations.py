"""REST: annotations, and a picture with its annotation in one call."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.refusals import Invalid
from accounts.rest.methods import Methods
from accounts.rest.paging import PageQuery
from accounts.rest.requests import actor, asking, no_unknown_parameters, read, row_id
from accounts.rest.schema import ETAG, LINK
from accounts.scopes import Right
from curation.actions import annotations as actions
from curation.actions import entries, find, links
from curation.api import lists
from curation.api.base import FileViewSet
from curation.api.bodies import receive
from curation.api.filters import ANNOTATION_FILTERS, AnnotationFilters
from curation.api.media import IDEMPOTENCY, IF_MATCH
from curation.api.once import once, receipt, replayed
from curation.api.preconditions import etag, if_match
from curation.api.rows import annotation_row, entry_row
from curation.api.serializers import AnnotationIn, AnnotationOut, EntryIn, EntryOut, UploadIn, UrlOut
from curation.models import Annotation, Media


class AnnotationViewSet(FileViewSet[Annotation]):
    """Label files of media, kept as they came; each upload is a revision."""

    queryset = Annotation.objects.living()
    serializer_class = AnnotationOut
    filterset_class = AnnotationFilters
    lookup_field = "annotation_id"
    rights: ClassVar[dict[str, Right]] = {
        "list": Right.READ,
        "create": Right.CREATE_ANNOTATION,
        "retrieve": Right.READ,
        "update": Right.EDIT_ANNOTATION,
        "destroy": Right.DELETE_ANNOTATION,
        "upload": Right.UPLOAD_ANNOTATION,
        "url": Right.READ,
    }
    refuses: ClassVar[dict[str, list[str]]] = FileViewSet.refuses | {"create": ["404", "409"]}

    @extend_schema(
        parameters=[PageQuery, *ANNOTATION_FILTERS, LINK], responses=AnnotationOut(many=True), tags=["annotations"]
    )
    def list(self, request: Request) -> Response:
        """List the annotations that you may see.

        The newest fifty, oldest first, unless asked otherwise; `Link` leads to older and newer ones.
        """
        found, headers = lists.annotation_page(request)
        return Response([annotation_row(row) for row in found], headers=headers)

    @extend_schema(request=AnnotationIn, responses={201: AnnotationOut}, parameters=[IDEMPOTENCY], tags=["annotations"])
    def create(self, request: Request) -> Response:
        """Announce an annotation of a media; upload its file next."""
        no_unknown_parameters(request)
        asked = read(AnnotationIn, request.data)
        given = receipt(request, asked)
        if answer := replayed(given):
            return answer
        media = find.media_to_annotate(asked["media_id"], access=asking(request))
        by = actor(request)
        return once(given, lambda keep: actions.create(media, by=by, keep=keep), show=annotation_row, status=201)

    @extend_schema(responses=AnnotationOut, parameters=[ETAG], tags=["annotations"])
    def retrieve(self, request: Request, annotation_id: str) -> Response:
        """Show one annotation."""
        no_unknown_parameters(request)
        return self._show(find.annotation(row_id(annotation_id, "annotation_id"), access=asking(request)))

    def _show(self, annotation: Annotation) -> Response:
        return Response(annotation_row(annotation), headers={"ETag": etag(annotation.version)})

    def _changeable(self, request: Request, annotation_id: int) -> Annotation:
        annotation = find.annotation(annotation_id, access=asking(request))
        find.changeable(annotation, access=asking(request))
        if_match(request, annotation)
        return annotation

    @extend_schema(request=AnnotationIn, responses=AnnotationOut, parameters=[IF_MATCH, ETAG], tags=["annotations"])
    def update(self, request: Request, annotation_id: str) -> Response:
        """Say that an annotation belongs to another media."""
        no_unknown_parameters(request)
        number, asked = row_id(annotation_id, "annotation_id"), read(AnnotationIn, request.data)
        annotation = self._changeable(request, number)
        media = find.media(asked["media_id"], access=asking(request))
        return self._show(actions.move(annotation, media, by=actor(request)))

    @extend_schema(responses={200: AnnotationOut}, parameters=[IF_MATCH], tags=["annotations"])
    def destroy(self, request: Request, annotation_id: str) -> Response:
        """Delete an annotation: hidden at once; its history stays."""
        no_unknown_parameters(request)
        annotation = self._changeable(request, row_id(annotation_id, "annotation_id"))
        actions.delete(annotation, by=actor(request))
        return Response(annotation_row(annotation))

    @extend_schema(
        request={"multipart/form-data": UploadIn},
        responses=AnnotationOut,
        parameters=[IDEMPOTENCY, IF_MATCH],
        tags=["annotations"],
    )
    def upload(self, request: Request, annotation_id: str) -> Response:
        """Upload the file of an annotation: any UTF-8 text.

        Each upload is a revision; the same bytes again change nothing.
        """
        no_unknown_parameters(request)
        number = row_id(annotation_id, "annotation_id")
        received = receive(request, {"file": settings.ANNOTATION_MAX_BYTES})
        spooled = received.spooled("file")
        given = receipt(request, spooled.sha256, received.fields)
        if answer := replayed(given):
            return answer
        annotation, by = self._changeable(request, number), actor(request)
        return once(
            given, lambda keep: actions.accept(annotation, spooled, by=by, keep=keep), show=annotation_row, status=200
        )

    @extend_schema(responses=UrlOut, tags=["annotations"])
    def url(self, request: Request, annotation_id: str) -> Response:
        """Make a link to the annotation file, valid for an hour."""
        no_unknown_parameters(request)
        access = asking(request)
        annotation = find.annotation(row_id(annotation_id, "annotation_id"), access=access)
        return Response({"url": links.of_annotation(annotation, access=access)})


class EntriesView(Methods, APIView):
    """Pairs."""

    rights: ClassVar[dict[str, Right]] = {"post": Right.CREATE_MEDIA}
    refuses: ClassVar[dict[str, list[str]]] = {"post": ["409", "507"]}
    parser_classes = [MultiPartParser]

    @extend_schema(
        request={"multipart/form-data": EntryIn}, responses={201: EntryOut}, parameters=[IDEMPOTENCY], tags=["entries"]
    )
    def post(self, request: Request) -> Response:
        """Send a picture and its annotation in one call: both are kept, or nothing is."""
        no_unknown_parameters(request)
        limits = {"file": settings.VIDEO_MAX_BYTES, "annotation": settings.ANNOTATION_MAX_BYTES}
        received = receive(request, limits, fields=("sha256", "type"))
        media_type = received.fields.get("type", Media.Type.IMAGE)
        if media_type not in Media.Type.values:
            raise Invalid("value is not a valid enumeration member; permitted: 'image', 'video'", "body", "type")
        picture, label = received.spooled("file"), received.spooled("annotation")
        given = receipt(request, picture.sha256, label.sha256, received.fields)
        if answer := replayed(given):
            return answer
        name, by = received.files["file"].original_name, actor(request)
        return once(
            given,
            lambda keep: entries.create(picture, label, type=media_type, name=name, by=by, keep=keep),
            show=entry_row,
            status=201,
        )
