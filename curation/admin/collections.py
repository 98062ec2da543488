"""Collections: kept from the list of media, filled, frozen."""

from __future__ import annotations

import re
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts.admin.base import HISTORY_SHOWN, ActionForm, Page, actor, asking
from accounts.admin.fields import when
from accounts.admin.history import history_of
from accounts.admin.lists import Searched
from accounts.names import fold
from accounts.refusals import Refusal
from curation.actions import collections as actions
from curation.actions import sampling, searching
from curation.admin.filters import address_of
from curation.admin.pictures import in_list, with_previews
from curation.models import Collection, Media

PICTURES_SHOWN = 24
ID = re.compile(r"[0-9]{1,18}")
LISTED = "Numbers of media, with blanks or commas between them."


class IdsField(forms.CharField):
    """Ids as people copy them."""

    def clean(self, value: Any) -> list[int]:
        words = re.split(r"[\s,;#]+", super().clean(value))
        if wrong := [word for word in words if word and not (word.isascii() and ID.fullmatch(word))]:
            raise ValidationError(f"{wrong[0][:30]} is no number of a media.")
        return [int(word) for word in words if word]


class QueryField(forms.CharField):
    """A search as the address of the list has it: label=smoke&light=day."""

    def clean(self, value: Any) -> dict[str, str] | None:
        text = super().clean(value).strip().lstrip("?")
        try:
            return dict(parse_qsl(text, strict_parsing=True, keep_blank_values=True)) if text else None
        except ValueError as error:
            raise ValidationError("A query is written name=value&name=value.") from error


def _choice(values: tuple[str, ...], none: str) -> forms.ChoiceField:
    return forms.ChoiceField(
        choices=[("", none), *((value, value.replace("_", " ")) for value in values)], required=False
    )


class CollectionForm(ActionForm):
    name = forms.CharField(max_length=100)
    description = forms.CharField(required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
    add = IdsField(required=False, help_text=LISTED, widget=forms.Textarea(attrs={"rows": 2}))
    remove = IdsField(required=False, help_text=LISTED, widget=forms.Textarea(attrs={"rows": 2}))


class NewCollectionForm(ActionForm):
    name = forms.CharField(max_length=100)
    description = forms.CharField(required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
    query = QueryField(
        required=False,
        max_length=2000,
        help_text="Filters as in the address of the list of media, such as label=smoke&light=day. Empty: a list, to be "
        "filled by hand.",
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )
    order = _choice(sampling.ORDERS, "All that it finds")
    count = forms.IntegerField(required=False, min_value=1, max_value=sampling.COUNT_MAX, help_text="Media at most.")
    per = _choice(sampling.PER, "No quota")
    at_most = forms.IntegerField(required=False, min_value=1, max_value=sampling.COUNT_MAX)
    seed = forms.IntegerField(required=False, min_value=0, max_value=sampling.SEED_MAX, initial=0)

    def sample(self) -> dict[str, Any] | None:
        told = self.cleaned_data
        if not told["order"]:
            return None
        return {name: told[name] for name in sampling.Sampling.__dataclass_fields__ if told[name] not in ("", None)}


@admin.register(Collection)
class CollectionAdmin(Searched, Page):
    form, add_form = CollectionForm, NewCollectionForm
    list_display = ("name", "query_shown", "size", when("frozen_at"), "owner", when("created_at"))
    list_select_related = ("owner",)
    search_fields = ("name",)
    search_help_text = "The beginning of a name"
    change_form_template = "admin/curation/collection/change_form.html"
    kept: ClassVar[tuple[str, ...]] = (
        "query_shown", "sample_shown", when("frozen_at"), "size", "report_shown", "made_by", "of_organisation",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        return Collection.objects.visible_to(asking(request)).select_related("owner", "organisation")

    def found(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        return queryset.filter(name_folded__startswith=fold(term))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            sample = ("order", "count", "per", "at_most", "seed")
            return [(None, {"fields": ("name", "description", "query")}), ("A sample of it", {"fields": sample})]
        filled = ("add", "remove") if obj.query is None and obj.frozen_at is None else ()
        return [(None, {"fields": ("name", "description", *filled)}), ("What is in it", {"fields": self.kept})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.kept if obj else ()

    @admin.display(description="query")
    def query_shown(self, collection: Collection) -> SafeString | str:
        if collection.query is None:
            return "a list"
        words = ", ".join(f"{name} {value}" for name, value in collection.query.items()) or "everything"
        address = address_of(collection.query)
        return format_html('<a href="{}">{}</a>', address, words) if address else words

    @admin.display(description="sample")
    def sample_shown(self, collection: Collection) -> str:
        if collection.sample is None:
            return "–"
        sample = actions.sampling_in(collection)
        quota = f", at most {sample.at_most} of one {sample.per}" if sample.per else ""
        return f"{sample.count} by {sample.order.replace('_', ' ')}{quota}, seed {sample.seed}"

    @admin.display(description="what was drawn")
    def report_shown(self, collection: Collection) -> str:
        words = [f"{name.replace('_', ' ')}: {count}" for name, count in (collection.report or {}).items()]
        return ", ".join(words) or "–"

    @admin.display(description="made by")
    def made_by(self, collection: Collection) -> str:
        return str(collection.owner or "–")

    @admin.display(description="organisation")
    def of_organisation(self, collection: Collection) -> str:
        return str(collection.organisation or "–")

    def perform(self, request: HttpRequest, row: Collection | None, form: Any) -> Collection:
        told, by = form.cleaned_data, actor(request)
        if row is None:
            return actions.create(
                told["name"], description=told["description"], query=told["query"], sample=form.sample(), by=by
            )
        add, remove = told.get("add", []), told.get("remove", [])
        if add or remove:
            actions.change_items(row, add=add, remove=remove, by=by)
            row.refresh_from_db()
        return actions.describe(row, {name: told[name] for name in ("name", "description")}, by=by)

    def end(self, request: HttpRequest, row: Collection) -> None:
        actions.delete(row, by=actor(request))

    def get_urls(self) -> list[URLPattern]:
        freeze = self.admin_site.admin_view(require_POST(self.freeze_view))
        return [path("<int:pk>/freeze/", freeze, name="curation_collection_freeze"), *super().get_urls()]

    def freeze_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        collection: Any = self.get_object(request, str(pk))
        if collection is None:
            raise Http404
        try:
            frozen = actions.freeze(collection, by=actor(request))
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            words = f"{frozen} is frozen." if frozen.frozen_at else f"{frozen} is being frozen; come back in a moment."
            messages.success(request, words)
        return self.to_page_of(collection)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        collection = context["original"]
        if collection is not None:
            rows = pictures_of(collection, request)
            context |= {
                "may_freeze": self.has_change_permission(request, collection) and collection.frozen_at is None,
                "pictures": [in_list(media) for media in with_previews(rows)],
                "history": history_of(collection, newest=HISTORY_SHOWN),
                "freeze": reverse("admin:curation_collection_freeze", args=[collection.pk]),
            }
        return super().render_change_form(request, context, *args, **kwargs)


def pictures_of(collection: Collection, request: HttpRequest) -> Any:
    """The newest media of a collection that the visitor sees; of a sample none before it is drawn."""
    access = asking(request)
    if collection.is_list:
        rows = Media.objects.visible_to(access).filter(collected__collection=collection)
        return rows.order_by("-id")[:PICTURES_SHOWN]
    found = searching.heeded(collection.query or {}).rows(access).order_by("-id")
    ids = [] if collection.sample is not None else list(found.values_list("pk", flat=True).distinct()[:PICTURES_SHOWN])
    return Media.objects.filter(pk__in=ids).order_by("-id")
