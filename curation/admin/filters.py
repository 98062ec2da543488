"""The filters beside the list of media: choices and spans that together are one search, as the API understands it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib.admin import ListFilter, SimpleListFilter
from django.contrib.admin.views.main import PAGE_VAR
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts.admin.base import asking
from accounts.admin.lists import KeysetList
from accounts.ids import LARGEST_ID
from accounts.models import Organisation
from curation.actions import searching
from curation.actions.searching import UNKNOWN, Search
from curation.models import Annotation, Label, Media, Origin

Choices = list[tuple[str, str]]


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACE = re.compile(r"([1-9][0-9]{0,18})\.(-?[0-9]{1,18})", re.ASCII)  # in the order of capture: number, microseconds
CLOSED = "admin/curation/media/choice.html"  # until one of its values is chosen


class Asked:
    """A part of the search; the list looks for all of them together, so that regions are asked in one breath."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset

    def said(self) -> dict[str, str]:
        """The filters that are asked for, as the search spells them."""
        raise NotImplementedError


class OneOf(Asked, SimpleListFilter):
    """A value to be chosen. name: of the filter of the search. spelled: values of addresses that differ from its."""

    name: ClassVar[str]
    known: ClassVar[Choices]
    spelled: ClassVar[dict[str, str]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return self.known

    def said(self) -> dict[str, str]:
        value = self.value()
        if value is None or value not in {choice for choice, _ in self.lookup_choices}:
            return {}
        return {self.name: self.spelled.get(str(value), str(value))}


def one_of(name: str, known: Choices, title: str = "", **more: Any) -> type[OneOf]:
    """The filter class of one declared filter of the search."""
    columns = {"name": name, "parameter_name": name, "known": known, "title": title or name} | more
    return type(f"{name.title()}Filter", (OneOf,), columns)


class OrganisationFilter(OneOf):
    """Organisations are few; their names are read for each page."""

    title = parameter_name = name = "organisation"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(str(pk), name) for pk, name in Organisation.objects.values_list("pk", "name")]


class LabelFilter(OneOf):
    """Labels are few as well: at most a thousand."""

    title = parameter_name = name = "label"
    template = CLOSED

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [
            (code, code.replace("_", " ")) for code in Label.objects.order_by("code").values_list("code", flat=True)
        ]


class OfPlace(OneOf):
    """Followed from the page of a camera, a view or a sequence: there are too many to choose from in a list."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        value = request.GET.get(self.parameter_name or "", "")
        is_id = value.isascii() and value.isdigit() and len(value) < 19 and int(value) > 0
        return [(value, f"#{value}")] if is_id else []


def of_place(name: str, parameter: str = "") -> type[OneOf]:
    columns = {"name": name, "parameter_name": parameter or name, "title": name}
    return type(f"{name.title()}Filter", (OfPlace,), columns)


class Span(Asked, ListFilter):
    """From and to, typed into two fields."""

    template = "admin/curation/media/span.html"
    names: ClassVar[tuple[str, str]]
    field: ClassVar[dict[str, str]]  # attributes of both inputs

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.kept = {name: value for name, value in request.GET.items() if name not in (*self.names, PAGE_VAR)}
        given = {name: params.pop(name)[-1].strip() for name in self.names if name in params}
        self.used_parameters: dict[str, Any] = {name: value for name, value in given.items() if value}

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(self.names)

    def said(self) -> dict[str, str]:
        return self.used_parameters

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """What the fields show, and what the rest of the address keeps."""
        ends = [
            {"name": name, "label": label, "value": self.used_parameters.get(name, "")}
            for name, label in zip(self.names, ("from", "to"), strict=True)
        ]
        yield {"ends": ends, "kept": self.kept, "field": self.field}


def span(name: str, title: str, **field: str) -> type[Span]:
    columns = {"title": title, "names": (f"{name}_from", f"{name}_to"), "field": field}
    return type(f"{name.title()}Span", (Span,), columns)


YES_NO: Choices = [("true", "yes"), ("false", "no")]
MEDIA_FILTERS = (
    one_of("type", Media.Type.choices),
    one_of("uploaded", [("yes", "yes"), ("no", "not yet")], spelled={"yes": "true", "no": "false"}),
    OrganisationFilter,
    of_place("camera"),
    of_place("view"),
    of_place("sequence", "in_sequence"),
    LabelFilter,
    one_of("label_kind", Label.Kind.choices, "kind of label", template=CLOSED),
    one_of("origin", Origin.choices, "origin of a region", template=CLOSED),
    one_of("truth", YES_NO, "ground truth", template=CLOSED),
    span("score", "score", type="number", min="0", max="1", step="any"),
    one_of("state", Annotation.State.choices, "state of an annotation", template=CLOSED),
    one_of("light", [*Media.Light.choices, (UNKNOWN, "Unknown")], template=CLOSED),
    one_of("near_duplicate", YES_NO, "near-duplicate", template=CLOSED),
    span("captured", "capture time (UTC)", type="datetime-local", step="1"),
    span("size", "size in bytes", type="number", min="0", step="1"),
)


def _names(part: Any) -> tuple[str, ...]:
    return getattr(part, "names", ()) or (part.name,)


def address_of(said: dict[str, str]) -> str:
    """The list of media by a search; "" where the list does not know all of its filters."""
    parts: dict[str, Any] = {name: part for part in MEDIA_FILTERS for name in _names(part)}
    if not said.keys() <= parts.keys():
        return ""
    query = dict(_spelled(parts[name], name, value) for name, value in said.items())
    return f"{reverse('admin:curation_media_changelist')}?{urlencode(query)}"


def _spelled(part: Any, name: str, value: str) -> tuple[str, str]:
    """As the address of the list has it."""
    back = {ours: theirs for theirs, ours in getattr(part, "spelled", {}).items()}
    return getattr(part, "parameter_name", name), back.get(value, value)


class MediaList(KeysetList):
    """Each media once, however many of its regions fit; the newest first, page by page.

    A span of capture times is shown in the order of capture, the latest first: in the order of numbers, the database
    would look through all that was taken in later to reach it. A page is asked for by number and time of a row beside
    it (`p=before-7.1752507200000000`), so that leafing goes on where it was even when the row gets another time.
    """

    search: Search
    by_capture = False

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        rows = super().get_queryset(request, exclude_parameters)
        said: dict[str, str] = {}
        for part in self.filter_specs:
            if isinstance(part, Asked):
                said |= part.said()
        self.search = searching.heeded(said)
        self.by_capture = self.search.asks_capture
        rows = self.search.narrow(rows, asking(request)) if self.search.said else rows
        return rows.order_by("-captured_at", "-pk") if self.by_capture else rows

    def _read(self, rows: QuerySet[Any]) -> list[Any]:
        if not self.search.finds_twice:
            return super()._read(rows)
        columns = ("pk", "captured_at") if self.by_capture else ("pk",)  # what is distinct names what it is ordered by
        distinct = rows.prefetch_related(None).values_list(*columns).distinct()
        ids = [found[0] for found in distinct[: self.list_per_page + 1]]
        known = {row.pk: row for row in self.root_queryset.filter(pk__in=ids)}
        return [known[pk] for pk in ids if pk in known]

    def place_of(self, text: str) -> Any | None:
        if not self.by_capture:
            return super().place_of(text)
        found = PLACE.fullmatch(text)
        if found is None or int(found[1]) > LARGEST_ID:
            return None
        try:
            return EPOCH + timedelta(microseconds=int(found[2])), int(found[1])
        except OverflowError:
            return None

    def older_than(self, place: Any) -> QuerySet[Any]:
        if not self.by_capture:
            return super().older_than(place)
        rows: QuerySet[Any] = self.queryset.filter(searching.beyond(*place, later=False))
        return rows

    def newer_than(self, place: Any) -> QuerySet[Any]:
        if not self.by_capture:
            return super().newer_than(place)
        rows: QuerySet[Any] = self.queryset.filter(searching.beyond(*place, later=True)).order_by("captured_at", "pk")
        return rows

    def spelled(self, row: Any) -> str:
        if not self.by_capture:
            return super().spelled(row)
        return f"{row.pk}.{(row.captured_at - EPOCH) // timedelta(microseconds=1)}"

    @property
    def to_be_kept(self) -> str:
        """The address where this search is kept as a collection; "" where nothing is searched."""
        if not self.search.said:
            return ""
        address = reverse("admin:curation_collection_add")
        return f"{address}?{urlencode({'query': urlencode(self.search.said)})}"
