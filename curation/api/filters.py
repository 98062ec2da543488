"""The filters that lists take: declared columns only; anything else is refused by the views."""

from __future__ import annotations

import re
from typing import Any

import django_filters
from django.db.models import QuerySet
from rest_framework.request import Request

from accounts.refusals import Invalid
from accounts.rest.paging import PARAMETERS
from accounts.rest.requests import LARGEST_ID, no_unknown_parameters
from curation.models import Annotation, Media, Origin

SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class IdFilter(django_filters.NumberFilter):
    """A whole number that fits the column."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=LARGEST_ID, decimal_places=0, **kwargs)


class MediaFilters(django_filters.FilterSet):
    type = django_filters.ChoiceFilter(choices=Media.Type.choices)
    uploaded = django_filters.BooleanFilter(method="by_uploaded")
    sha256 = django_filters.CharFilter(method="by_sha256")
    owner = IdFilter(field_name="owner_id")
    captured_from = django_filters.IsoDateTimeFilter(field_name="captured_at", lookup_expr="gte")
    captured_to = django_filters.IsoDateTimeFilter(field_name="captured_at", lookup_expr="lt")
    created_from = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_to = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    updated_since = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")

    class Meta:
        model = Media
        fields: list[str] = []

    def by_uploaded(self, rows: QuerySet[Media], name: str, value: bool) -> QuerySet[Media]:
        return rows.exclude(sha256="") if value else rows.filter(sha256="")

    def by_sha256(self, rows: QuerySet[Media], name: str, value: str) -> QuerySet[Media]:
        if not SHA256.fullmatch(value):
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


def filtered(filters: type[django_filters.FilterSet], rows: QuerySet[Any], request: Request) -> QuerySet[Any]:
    """`rows` that pass the query parameters. Raises Invalid for an unknown parameter or a value that cannot be."""
    no_unknown_parameters(request, (*filters.base_filters, *PARAMETERS))
    for name in filters.base_filters:
        value = request.query_params.get(name)
        if value is not None and (not value or len(value) > 100 or "\0" in value):
            raise Invalid("value is empty, too long or unreadable", "query", name)
        if len(request.query_params.getlist(name)) > 1:
            raise Invalid("given more than once", "query", name)
    asked = filters(request.query_params, queryset=rows)
    if not asked.is_valid():
        name, messages = next(iter(asked.form.errors.items()))
        raise Invalid(str(messages[0]), "query", name)
    found: QuerySet[Any] = asked.qs
    return found
