"""REST: direct uploads."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.refusals import Invalid, ScopeRefused
from accounts.rest.errors import status_of
from accounts.rest.methods import Methods
from accounts.rest.parsers import JsonParser
from accounts.rest.requests import actor, asking, no_unknown_parameters, read, row_id, token
from accounts.scopes import Right
from curation.actions import completing, find, uploads
from curation.actions.idempotency import AlreadyDone
from curation.actions.uploads import Begun, Wanted
from curation.api.media import IDEMPOTENCY
from curation.api.once import once, receipt, replayed
from curation.api.rows import Row, media_row
from curation.api.serializers import DescribeIn, MediaOut
from curation.api.upload_rows import (
    BeginIn,
    BeginManyIn,
    CompleteManyIn,
    ManyOut,
    OutcomesOut,
    UploadOut,
    row_without_upload,
    upload_row,
)
from curation.models import Media, Upload
from curation.storage.headers import clean_name

SAID = tuple(DescribeIn().fields)
AFTER = OpenApiParameter(
    "after", {"type": "integer", "minimum": 0}, description="links to the missing parts behind this number"
)


class UploadViewSet(Methods, GenericViewSet[Upload]):
    """Files that clients write into the store themselves. Each access has to do with its own uploads alone."""

    queryset = Upload.objects.all()
    serializer_class = UploadOut
    lookup_field = "upload_id"
    rights: ClassVar[dict[str, Right]] = dict.fromkeys(
        ("create", "create_many", "retrieve", "destroy", "complete", "complete_many"), Right.UPLOAD_MEDIA
    )
    refuses: ClassVar[dict[str, list[str]]] = {
        "create": ["404", "409", "507"],
        "create_many": ["404", "409", "507"],
        "retrieve": ["404", "409"],
        "destroy": ["404", "409"],
        "complete": ["404", "409", "507"],
        "complete_many": ["404", "409", "507"],
    }

    def get_parsers(self) -> list[BaseParser]:
        return [JsonParser()]

    @extend_schema(
        request=BeginIn, responses={200: UploadOut, 201: UploadOut}, parameters=[IDEMPOTENCY], tags=["uploads"]
    )
    def create(self, request: Request) -> Response:
        """Begin a direct upload; answers the links to send the file by.

        200 instead of 201 where nothing has to be sent: you can see a media with these bytes, and `media` is a new
        one on the same object (or the announced one, filled).
        """
        no_unknown_parameters(request)
        asked = read(BeginIn, request.data)
        [row] = self._begin(request, [asked], asked)
        return Response(row, status=200 if row["id"] is None else 201)

    @extend_schema(request=BeginManyIn, responses={201: ManyOut}, parameters=[IDEMPOTENCY], tags=["uploads"])
    def create_many(self, request: Request) -> Response:
        """Begin up to 100 direct uploads, all of them or none."""
        no_unknown_parameters(request)
        asked = read(BeginManyIn, request.data)
        return Response({"uploads": self._begin(request, asked["uploads"], asked)}, status=201)

    def _begin(self, request: Request, asked: list[Row], body: Row) -> list[Row]:
        """The rows of what was begun. A receipt keeps ids alone: links are secrets, and made anew each time."""
        given = receipt(request, body)
        if given and (kept := given.answer()):
            return self._shown_again(request, kept[1])

        def keep(begun: list[Begun]) -> None:
            if given:
                given.keep(201, [[isinstance(row, Upload), row.pk] for row in begun])

        try:
            begun = uploads.begin([self._wanted(request, one) for one in asked], by=actor(request), keep=keep)
        except AlreadyDone:
            return self._begin(request, asked, body)
        return [_shown(row, fresh=True) for row in begun]

    def _wanted(self, request: Request, asked: Row) -> Wanted:
        media = None
        if asked.get("media"):
            media = find.media(asked["media"], access=asking(request))
            find.changeable(media, access=asking(request))
        elif not asking(request).may(Right.CREATE_MEDIA, token_rights=token(request).rights):
            raise ScopeRefused
        described = {name: asked[name] for name in SAID if name in asked}
        if media and described:
            raise Invalid("An announced media is described at its own address.", "body", next(iter(described)))
        promised = media.type if media else Media.Type.IMAGE
        if media and asked.get("type", promised) != promised:
            raise Invalid(f"The media's type is {media.type}.", "body", "type")
        return Wanted(
            name=clean_name(asked["name"]),
            size=asked["size"],
            sha256=asked["sha256"].lower(),
            type=asked.get("type", promised),
            media=media,
            described=described,
        )

    def _shown_again(self, request: Request, kept: list[tuple[bool, int]]) -> list[Row]:
        owner = asking(request)
        return [
            _shown(find.upload(pk, access=owner) if is_upload else find.media(pk, access=owner))
            for is_upload, pk in kept
        ]

    @extend_schema(responses=UploadOut, parameters=[AFTER], tags=["uploads"])
    def retrieve(self, request: Request, upload_id: str) -> Response:
        """Show what has arrived, with fresh links for what is missing: so an upload is resumed.

        Links to parts come 100 at a time; `next_after` asks for the next ones.
        """
        no_unknown_parameters(request, ("after",))
        number = row_id(upload_id, "upload_id")
        upload = find.upload(number, access=asking(request))
        return Response(_shown(upload, after=_after(request)))

    @extend_schema(responses={200: UploadOut}, tags=["uploads"])
    def destroy(self, request: Request, upload_id: str) -> Response:
        """Cancel an upload; what has arrived is deleted."""
        no_unknown_parameters(request)
        upload = find.upload(row_id(upload_id, "upload_id"), access=asking(request))
        return Response(_shown(uploads.cancel(upload, by=actor(request))))

    @extend_schema(request=None, responses={200: MediaOut, 202: UploadOut}, parameters=[IDEMPOTENCY], tags=["uploads"])
    def complete(self, request: Request, upload_id: str) -> Response:
        """Read the file back, compare it with what was declared, and make it a media.

        200 with the media; 202 with the upload, in state completing, where that takes longer: ask for the upload
        until it is done or refused. Again gives the same answer. A file that is not what was declared ends the
        upload, and nothing of it is kept.
        """
        no_unknown_parameters(request)
        upload = find.upload(row_id(upload_id, "upload_id"), access=asking(request))
        given = receipt(request)
        if answer := replayed(given):
            return answer
        if upload.state == Upload.State.DONE or completing.takes_long(upload):
            return _completed(completing.complete(upload, by=actor(request)))
        return once(
            given, lambda keep: completing.complete(upload, by=actor(request), keep=keep), show=_row, status=200
        )

    @extend_schema(request=CompleteManyIn, responses={200: OutcomesOut}, tags=["uploads"])
    def complete_many(self, request: Request) -> Response:
        """Complete up to 100 uploads; each has its own outcome."""
        no_unknown_parameters(request)
        asked = read(CompleteManyIn, request.data)
        outcomes = completing.complete_many(asked["ids"], by=actor(request))
        return Response({"uploads": [_outcome(pk, outcome) for pk, outcome in outcomes.items()]})


def _after(request: Request) -> int:
    given = request.query_params.get("after", "0")
    if not given.isascii() or not given.isdigit() or len(given) > 6:
        raise Invalid("must be the number of a part", "query", "after")
    return int(given)


def _shown(begun: Begun, *, after: int = 0, fresh: bool = False) -> Row:
    if isinstance(begun, Media):
        return row_without_upload(begun)
    return upload_row(uploads.progress(begun, after=after, fresh=fresh), uploads.media_of(begun))


def _row(completed: Media | Upload) -> Row:
    return media_row(completed) if isinstance(completed, Media) else _shown(completed)


def _completed(completed: Media | Upload) -> Response:
    return Response(_row(completed), status=200 if isinstance(completed, Media) else 202)


def _outcome(pk: int, outcome: Any) -> Row:
    media = media_row(outcome) if isinstance(outcome, Media) else None
    status = 200 if media else 202 if isinstance(outcome, Upload) else status_of(outcome)
    return {"id": pk, "status": status, "detail": str(outcome) if status > 202 else None, "media": media}
