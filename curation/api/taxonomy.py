"""REST: what regions may be called, and what classes from elsewhere become."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.refusals import Missing
from accounts.rest.methods import Methods
from accounts.rest.paging import PARAMETERS, PageQuery, page
from accounts.rest.requests import actor, no_unknown_parameters, read, row_id
from accounts.rest.schema import LINK, ROW_ID, with_example
from accounts.rest.times import moment
from accounts.scopes import Right
from curation.actions import taxonomy as actions
from curation.api.filters import filtered
from curation.api.rows import Row
from curation.models import Label, Mapping, TaxonomyVersion

LABEL_COLUMNS = (
    "id", "code", "kind", "name_en", "name_fr", "name_es", "colour", "parent__code", "retired_at", "version",
)  # fmt: skip
LARGEST_NUMBER = 2**31 - 1  # of the column; a larger one is merely unknown
MAPPING_COLUMNS = ("id", "created_at", "name", "version", "rules", "on_unknown", "author_login")


class NamesOut(serializers.Serializer[Any]):
    en = serializers.CharField()
    fr = serializers.CharField()
    es = serializers.CharField()


class LabelOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    code = serializers.CharField()
    kind = serializers.ChoiceField(choices=Label.Kind.choices)
    names = NamesOut()
    colour = serializers.CharField()
    parent = serializers.CharField(  # type: ignore[assignment]
        allow_null=True, help_text="code of a label"
    )
    retired_at = serializers.DateTimeField(allow_null=True, help_text="not given to new regions since")
    version = serializers.IntegerField()


class VersionLabelOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    kind = serializers.ChoiceField(choices=Label.Kind.choices)
    names = NamesOut()
    colour = serializers.CharField()
    parent = serializers.CharField(  # type: ignore[assignment]
        allow_null=True, help_text="code of a label"
    )
    retired = serializers.BooleanField()


class TaxonomyOut(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    author = serializers.CharField(allow_null=True, help_text="login of who changed it last")
    labels = VersionLabelOut(many=True)


@with_example({"name": "roboflow fires", "rules": {"smoke": "smoke", "Fire": "drop"}, "on_unknown": "refuse"})
class MappingIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    rules = serializers.DictField(child=serializers.CharField(max_length=50), help_text='code, "drop" or "refuse"')
    on_unknown = serializers.ChoiceField(choices=Mapping.OnUnknown.choices, default=Mapping.OnUnknown.REFUSE)


class MappingOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    name = serializers.CharField()
    version = serializers.IntegerField()
    rules = serializers.DictField(child=serializers.CharField())
    on_unknown = serializers.ChoiceField(choices=Mapping.OnUnknown.choices)
    author = serializers.CharField(allow_null=True, help_text="login")


class MappingFilters(django_filters.FilterSet):
    name = django_filters.CharFilter(field_name="name", max_length=100)

    class Meta:
        model = Mapping
        fields: list[str] = []


def label_row(row: Row) -> Row:
    return {
        "id": row["id"],
        "code": row["code"],
        "kind": row["kind"],
        "names": {"en": row["name_en"], "fr": row["name_fr"], "es": row["name_es"]},
        "colour": row["colour"],
        "parent": row["parent__code"],
        "retired_at": moment(row["retired_at"]),
        "version": row["version"],
    }


def mapping_row(row: Row) -> Row:
    return {
        "id": row["id"],
        "created_at": moment(row["created_at"]),
        "name": row["name"],
        "version": row["version"],
        "rules": row["rules"],
        "on_unknown": row["on_unknown"],
        "author": row["author_login"] or None,
    }


class LabelsView(Methods, APIView):
    """What regions may be called."""

    rights: ClassVar[dict[str, Right]] = {"get": Right.READ}

    @extend_schema(
        operation_id="labels_list", parameters=[PageQuery, LINK], responses=LabelOut(many=True), tags=["taxonomy"]
    )
    def get(self, request: Request) -> Response:
        """List the labels as they are now, retired ones among them."""
        no_unknown_parameters(request, PARAMETERS)
        found, headers = page(Label.objects.values(*LABEL_COLUMNS), request)
        return Response([label_row(row) for row in found], headers=headers)


class TaxonomyView(Methods, APIView):
    """Versions of the list of labels."""

    rights: ClassVar[dict[str, Right]] = {"get": Right.READ}
    refuses: ClassVar[dict[str, list[str]]] = {"get": ["404"]}

    @extend_schema(
        operation_id="taxonomy_retrieve",
        parameters=[OpenApiParameter("version", ROW_ID, description="the last one unless named")],
        responses=TaxonomyOut,
        tags=["taxonomy"],
    )
    def get(self, request: Request) -> Response:
        """Show one version of the whole taxonomy."""
        no_unknown_parameters(request, ["version"])
        rows = TaxonomyVersion.objects.order_by("-number")
        if "version" in request.query_params:
            number = row_id(request.query_params["version"], "version", place="query")
            rows = rows.filter(number=min(number, LARGEST_NUMBER))
        found = rows.first()
        if found is None:
            raise Missing("There is no such version of the taxonomy.")
        return Response(
            {
                "version": found.number,
                "created_at": moment(found.created_at),
                "author": found.author_login or None,
                "labels": found.labels,
            }
        )


class MappingViewSet(Methods, GenericViewSet[Mapping]):
    """What classes from elsewhere become."""

    queryset = Mapping.objects.all()
    serializer_class = MappingOut
    rights: ClassVar[dict[str, Right]] = {"list": Right.READ, "create": Right.EDIT_TAXONOMY}
    refuses: ClassVar[dict[str, list[str]]] = {"create": ["409"]}

    @extend_schema(
        parameters=[
            PageQuery,
            OpenApiParameter("name", {"type": "string", "minLength": 1, "maxLength": 100}),
            LINK,
        ],
        responses=MappingOut(many=True),
        tags=["taxonomy"],
    )
    def list(self, request: Request) -> Response:
        """List the mappings, every version of each."""
        rows = filtered(MappingFilters, Mapping.objects.all(), request)
        found, headers = page(rows.values(*MAPPING_COLUMNS), request)
        return Response([mapping_row(row) for row in found], headers=headers)

    @extend_schema(request=MappingIn, responses={201: MappingOut}, tags=["taxonomy"])
    def create(self, request: Request) -> Response:
        """Add a mapping, or the next version of one.

        The rules of its last version once more change nothing.
        """
        no_unknown_parameters(request)
        asked = read(MappingIn, request.data)
        mapping = actions.new_mapping(asked["name"], asked["rules"], asked["on_unknown"], by=actor(request))
        return Response(mapping_row({name: getattr(mapping, name) for name in MAPPING_COLUMNS}), status=201)
