"""REST: one layer as a file of another program."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from accounts.refusals import Invalid
from accounts.rest.methods import Methods
from accounts.rest.requests import actor, asking, no_unknown_parameters, row_id
from accounts.rest.schema import ETAG
from accounts.scopes import Right
from curation.actions import find
from curation.actions.exporting import one
from curation.actions.exporting.asked import FIELDS, POLYGONS, Asked, asked
from curation.actions.meaning.rules import OF_OTHERS
from curation.formats.table import FORMATS
from curation.models import Annotation
from curation.storage.headers import content_disposition

LONGEST = 10_000  # characters of a parameter; rules that are longer are stored under a name


def _parameter(name: str, said: str, **schema: Any) -> OpenApiParameter:
    return OpenApiParameter(name, {"type": "string"} | schema, required=name == "format", description=said)


PARAMETERS = [
    _parameter("format", "what the file is to be", enum=sorted(FORMATS)),
    _parameter(
        "mapping",
        "NAME or NAME@VERSION of a mapping, or rules (smoke=smoke), applied backwards; left out: codes as they are",
    ),
    _parameter("unmapped", "what becomes of codes that the mapping makes of no class", enum=list(OF_OTHERS)),
    _parameter("classes", "names of the classes 0, 1, ... with commas between, for yolo and coco"),
    _parameter("polygons", "box: the box around each, in a format without polygons", enum=list(POLYGONS)),
    ETAG,
]
JSON = FORMATS["coco"].content_type
FILES = {  # each format's own
    (200, kind): OpenApiTypes.ANY if kind == JSON else OpenApiTypes.STR
    for kind in sorted({format_.content_type for format_ in FORMATS.values()})
}


def _asked(request: Request) -> Asked:
    no_unknown_parameters(request, FIELDS)
    for name in request.query_params:
        text = request.query_params[name]
        if not text.strip() or len(text) > LONGEST or "\0" in text:
            raise Invalid("value is empty, too long or unreadable", "query", name)
    try:
        return asked(request.query_params.dict(), by=actor(request))
    except Invalid as refusal:
        raise Invalid(str(refusal), "query", *refusal.where[1:], kind=refusal.kind) from refusal


class ExportViewSet(Methods, GenericViewSet[Annotation]):
    """Downloads."""

    queryset = Annotation.objects.living()
    rights: ClassVar[dict[str, Right]] = {"export": Right.READ}
    refuses: ClassVar[dict[str, list[str]]] = {"export": ["404", "409"]}
    counted_as: ClassVar[dict[str, str]] = {"export": "links"}

    @extend_schema(operation_id="annotations_export", parameters=PARAMETERS, responses=FILES, tags=["regions"])
    def export(self, request: Request, annotation_id: str) -> HttpResponseBase:
        """Download what a layer says as a file of a format.

        All of it, or 409: what the format or the mapping has no word for is never left out unasked. Each download is
        noted in the history of the annotation, with the mapping.
        """
        wanted, number = _asked(request), row_id(annotation_id, "annotation_id")
        annotation = find.annotation(number, access=asking(request))
        file = one.file_of(annotation, wanted)
        headers = {
            "Content-Type": file.content_type,
            "Content-Disposition": content_disposition(file.name, inline=False),
            "ETag": f'"{file.sha256}"',
        }
        early = get_conditional_response(request._request, headers["ETag"], None, HttpResponse(headers=headers))
        if early is not None and early.status_code == 304:
            return early
        if request.method == "GET":  # nothing goes out with a HEAD
            one.note(annotation, file, wanted)
        return HttpResponse(file.content, headers=headers)
