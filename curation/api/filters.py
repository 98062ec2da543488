"""The filters that lists take: declared columns only; anything else is refused by the views."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from accounts.refusals import Invalid
from accounts.rest.paging import PARAMETERS
from accounts.rest.requests import no_unknown_parameters
from accounts.rest.schema import ROW_ID
from curation.actions import searching
from curation.actions.searching import UNKNOWN, IdField
from curation.api.serializers import DIGEST
from curation.models import Annotation, Camera, Label, Media, Origin, Sequence, View

ORDERS = ("id", "captured")
SPOKEN = searching.SPOKEN


class IdFilter(django_filters.Filter):
    field_class = IdField


class AnnotationFilters(django_filters.FilterSet):
    media_id = IdFilter(field_name="media_id")
    origin = django_filters.ChoiceFilter(choices=Origin.choices)
    state = django_filters.ChoiceFilter(choices=Annotation.State.choices)
    format = django_filters.CharFilter(field_name="format", max_length=30)

    class Meta:
        model = Annotation
        fields: list[str] = []


class CameraFilters(django_filters.FilterSet):
    organisation = IdFilter(field_name="organisation_id")

    class Meta:
        model = Camera
        fields: list[str] = []


class ViewFilters(django_filters.FilterSet):
    camera = IdFilter(field_name="camera_id")

    class Meta:
        model = View
        fields: list[str] = []


class SequenceFilters(django_filters.FilterSet):
    view = IdFilter(field_name="view_id")
    origin = django_filters.ChoiceFilter(choices=Sequence.Origin.choices)

    class Meta:
        model = Sequence
        fields: list[str] = []


def _parameter(name: str, said: str = "", **schema: Any) -> OpenApiParameter:
    return OpenApiParameter(name, schema, description=said)


_MOMENT: dict[str, Any] = {"type": "string", "format": "date-time"}
_SCORE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
_BYTES: dict[str, Any] = {"type": "integer", "format": "int64", "minimum": 0}
_ONE = "; what is asked of regions must hold for one and the same region"
MEDIA_FILTERS = [  # how the OpenAPI document shows them; a test compares the names
    _parameter("type", type="string", enum=list(Media.Type.values)),
    _parameter("uploaded", "whether it has its file", type="boolean"),
    _parameter("sha256", "digest of the file", type="string", pattern=DIGEST),
    _parameter("owner", "id of the access that sent it", **ROW_ID),
    _parameter("organisation", "id of the organisation that it belongs to", **ROW_ID),
    _parameter("captured_from", "at or after", **_MOMENT),
    _parameter("captured_to", "before", **_MOMENT),
    _parameter("created_from", "at or after", **_MOMENT),
    _parameter("created_to", "before", **_MOMENT),
    _parameter("updated_since", "at or after", **_MOMENT),
    _parameter("size_from", "bytes, at least", **_BYTES),
    _parameter("size_to", "bytes, at most", **_BYTES),
    _parameter("light", "by the sun over it", type="string", enum=[*Media.Light.values, UNKNOWN]),
    _parameter("camera", "id of the camera that took it", **ROW_ID),
    _parameter("view", "id of the view that it is shown with", **ROW_ID),
    _parameter("sequence", "id of the sequence that it is shown in", **ROW_ID),
    _parameter("near_duplicate", "whether it looks like another one that you see", type="boolean"),
    _parameter("state", "of an annotation of it", type="string", enum=list(Annotation.State.values)),
    _parameter("label", f"code of the label of a region{_ONE}", type="string", minLength=1, maxLength=50),
    _parameter("label_kind", "of the label of a region", type="string", enum=list(Label.Kind.values)),
    _parameter("origin", "of a region", type="string", enum=list(Origin.values)),
    _parameter("truth", "whether a region is ground truth", type="boolean"),
    _parameter("score_from", "of a region, at least; one without a score never fits", **_SCORE),
    _parameter("score_to", "of a region, at most", **_SCORE),
]
MEDIA_ORDER = [
    _parameter("order", "of ids unless asked otherwise", type="string", enum=list(ORDERS), default=ORDERS[0]),
    _parameter("at", "with order=captured: the time of the media that before or after names, as in Link", **_MOMENT),
]
CAMERA_FILTERS = [_parameter("organisation", **ROW_ID)]
VIEW_FILTERS = [_parameter("camera", **ROW_ID)]
SEQUENCE_FILTERS = [
    _parameter("view", **ROW_ID),
    _parameter("origin", type="string", enum=list(Sequence.Origin.values)),
]
ANNOTATION_FILTERS = [
    _parameter("media_id", **ROW_ID),
    _parameter("origin", type="string", enum=list(Origin.values)),
    _parameter("state", type="string", enum=list(Annotation.State.values)),
    _parameter("format", "as found when it was uploaded", type="string", minLength=1, maxLength=30),
]


def filtered(filters: type[django_filters.FilterSet], rows: QuerySet[Any], request: Request) -> QuerySet[Any]:
    """`rows` that pass the query parameters. Raises Invalid for an unknown parameter or a value that cannot be."""
    no_unknown_parameters(request, (*filters.base_filters, *PARAMETERS))
    given = [name for name in filters.base_filters if name in request.query_params]
    for name in given:
        value = request.query_params[name]
        if not value or len(value) > 100 or "\0" in value:
            raise Invalid("value is empty, too long or unreadable", "query", name)
    if not given:
        return rows
    asked = filters(request.query_params, queryset=rows)
    if not asked.is_valid():
        name, messages = next(iter(asked.form.errors.items()))
        raise Invalid(str(messages[0]), "query", name)
    found: QuerySet[Any] = asked.qs
    return found
