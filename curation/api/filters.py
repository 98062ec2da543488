"""The filters that lists take: declared columns only; anything else is refused by the views."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from accounts.ids import LARGEST_ID
from accounts.refusals import Invalid
from accounts.rest.paging import PARAMETERS
from accounts.rest.requests import no_unknown_parameters
from accounts.rest.schema import ROW_ID
from curation.api.serializers import DIGEST
from curation.models import Annotation, Camera, Media, Origin, Sequence, View
from curation.models.media import MediaQuerySet

WHOLE = re.compile(r"[0-9]{1,19}")
SPOKEN = {"true": True, "false": False}


class IdField(forms.CharField):
    """A positive whole number that fits the column, in ASCII digits."""

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        if not WHOLE.fullmatch(text) or not 1 <= int(text) <= LARGEST_ID:
            raise ValidationError("value is not a valid id")
        return int(text)


class IdFilter(django_filters.Filter):
    field_class = IdField


class MomentField(IsoDateTimeField):
    """A time that is still one in UTC: Python's calendar ends on both sides."""

    def clean(self, value: Any) -> datetime | None:
        try:
            moment: datetime | None = super().clean(value)
            return moment.astimezone(UTC) if moment else None
        except OverflowError as error:
            raise ValidationError("value is out of range") from error


class MomentFilter(django_filters.IsoDateTimeFilter):
    field_class = MomentField


class MediaFilters(django_filters.FilterSet):
    type = django_filters.ChoiceFilter(choices=Media.Type.choices)
    uploaded = django_filters.CharFilter(method="by_uploaded")
    sha256 = django_filters.CharFilter(method="by_sha256")
    owner = IdFilter(field_name="owner_id")
    captured_from = MomentFilter(field_name="captured_at", lookup_expr="gte")
    captured_to = MomentFilter(field_name="captured_at", lookup_expr="lt")
    created_from = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_to = MomentFilter(field_name="created_at", lookup_expr="lt")
    updated_since = MomentFilter(field_name="updated_at", lookup_expr="gte")
    camera = IdFilter(method="by_camera")
    view = IdFilter(method="by_view")
    sequence = IdFilter(method="by_sequence")

    class Meta:
        model = Media
        fields: list[str] = []

    def by_camera(self, rows: MediaQuerySet, name: str, value: int) -> QuerySet[Media]:
        return rows.of_views(list(View.objects.filter(camera=value).values_list("pk", flat=True)))

    def by_view(self, rows: MediaQuerySet, name: str, value: int) -> QuerySet[Media]:
        return rows.of_views(list(View.objects.shown_as(value).values_list("pk", flat=True)))

    def by_sequence(self, rows: MediaQuerySet, name: str, value: int) -> QuerySet[Media]:
        shown = list(Sequence.objects.shown_as(value).values_list("pk", flat=True))
        return rows.filter(item__sequence__in=shown or [0])

    def by_uploaded(self, rows: QuerySet[Media], name: str, value: str) -> QuerySet[Media]:
        if value.lower() not in SPOKEN:
            raise Invalid("must be true or false", "query", "uploaded")
        return rows.exclude(sha256="") if SPOKEN[value.lower()] else rows.filter(sha256="")

    def by_sha256(self, rows: QuerySet[Media], name: str, value: str) -> QuerySet[Media]:
        if not re.fullmatch(DIGEST, value):
            raise Invalid("must be 64 hex digits", "query", "sha256")
        return rows.filter(sha256=value.lower())


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
MEDIA_FILTERS = [  # how the OpenAPI document shows them; a test compares the names
    _parameter("type", type="string", enum=list(Media.Type.values)),
    _parameter("uploaded", "whether it has its file", type="boolean"),
    _parameter("sha256", "digest of the file", type="string", pattern=DIGEST),
    _parameter("owner", "id of the access that sent it", **ROW_ID),
    _parameter("captured_from", "at or after", **_MOMENT),
    _parameter("captured_to", "before", **_MOMENT),
    _parameter("created_from", "at or after", **_MOMENT),
    _parameter("created_to", "before", **_MOMENT),
    _parameter("updated_since", "at or after", **_MOMENT),
    _parameter("camera", "id of the camera that took it", **ROW_ID),
    _parameter("view", "id of the view that it is shown with", **ROW_ID),
    _parameter("sequence", "id of the sequence that it is shown in", **ROW_ID),
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
