"""Pictures and videos."""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string

from accounts.admin.base import ActionForm, actor, asking
from accounts.admin.fields import moment, when
from accounts.admin.history import history_of
from accounts.admin.lists import Searched
from accounts.names import fold
from curation.actions import media as actions
from curation.admin.collecting import CollectingPage
from curation.admin.filters import MEDIA_FILTERS, MediaList
from curation.admin.outlines import of_media
from curation.admin.pictures import at_large, in_list, with_previews
from curation.admin.revisions import Layer, layer
from curation.admin.uploads import UploadField, UploadPage, spooled_of
from curation.models import Annotation, AnnotationRevision, Media, MediaFact

LAYERS_SHOWN = 50
REVISIONS_SHOWN = 10  # newest ones of each layer
HISTORY_SHOWN = 20
FEW = 1_000  # rows
DIGEST_PART = re.compile(r"[0-9a-f]{4,64}")
KINDS = "JPEG, PNG, WebP, GIF or TIFF; MP4, MOV, MKV, WebM or AVI."
DESCRIBED = ("captured_at", "camera", "azimuth", "latitude", "longitude", "source", "sequence")


class MediaForm(ActionForm):
    """What is known about a picture. `seen` is the version that was looked at: who is late is told."""

    upload = UploadField(required=False, label="Replace its file")
    captured_at = moment("Captured at")
    camera = forms.CharField(required=False, max_length=100)
    azimuth = forms.IntegerField(required=False, min_value=0, max_value=359, help_text="Degrees, 0 to 359.")
    latitude = forms.FloatField(required=False, min_value=-90, max_value=90, help_text="Degrees, WGS 84.")
    longitude = forms.FloatField(required=False, min_value=-180, max_value=180)
    source = forms.CharField(required=False, max_length=100)
    sequence = forms.CharField(required=False, max_length=255)
    seen = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = self.instance.version

    def described(self) -> dict[str, Any]:
        """The fields that were changed."""
        return {name: self.cleaned_data[name] for name in DESCRIBED if name in self.changed_data}


class NewMediaForm(MediaForm):
    type = forms.ChoiceField(choices=Media.Type.choices)
    upload = UploadField(required=False, label="File", help_text=KINDS)


@admin.register(Media)
class MediaAdmin(Searched, CollectingPage, UploadPage):
    form = MediaForm
    add_form = NewMediaForm
    list_display = ("picture", "title", "size_in_words", "camera", when("captured_at"), "owner", when("created_at"))
    list_display_links = ("title",)
    list_filter = MEDIA_FILTERS
    change_list_template = "admin/curation/media/change_list.html"
    list_select_related = ("owner",)
    search_fields = ("sha256",)
    search_help_text = "A camera, or the beginning of a file name or of a SHA-256"
    change_form_template = "admin/curation/media/change_form.html"
    kept = (
        "type", "original_name", "content_type", "dimensions", "size_in_words", "sha256", "orientation",
        "duration", "film", "camera_model", "derivation", "captured_basis", "sent_by", "of_organisation",
        when("created_at"), when("updated_at"), "version",
    )  # fmt: skip

    def largest(self) -> int:
        return int(settings.VIDEO_MAX_BYTES)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[MediaList]:
        return MediaList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Media]:
        rows = Media.objects.visible_to(asking(request)).select_related("owner", "organisation", "fact")
        return with_previews(rows)

    def found(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Few rows are asked by their ids: PostgreSQL overrates rare cameras, and would walk through the table.

        Many are soon met on such a walk.
        """
        ways = ways_to(term)
        found = [list(Media.objects.filter(way).values_list("pk", flat=True)[: FEW + 1]) for way in ways]
        if max(map(len, found)) <= FEW:
            return queryset.filter(pk__in={pk for pks in found for pk in pks})
        return queryset.filter(reduce(or_, [way for way, pks in zip(ways, found, strict=True) if pks]))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": ("type", "upload", *DESCRIBED, "seen")})]
        described = ("upload", *DESCRIBED, "seen") if self.has_change_permission(request, obj) else DESCRIBED
        return [("What is known", {"fields": described}), ("What is kept", {"fields": self.kept})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.kept if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or obj.may_be_changed_by(asking(request)))

    @admin.display(description="picture")
    def picture(self, media: Media) -> str:
        return render_to_string("admin/curation/thumbnail.html", {"picture": in_list(media)})

    @admin.display(description="media")
    def title(self, media: Media) -> str:
        return str(media) if media.file else f"{media} (no file)"

    @admin.display(description="size")
    def size_in_words(self, media: Media) -> str:
        return "–" if media.size is None else in_words(media.size)

    @admin.display(description="owner")
    def sent_by(self, media: Media) -> str:
        return str(media.owner or "–")

    @admin.display(description="organisation")
    def of_organisation(self, media: Media) -> str:
        return str(media.organisation or "–")

    @admin.display(description="width × height")
    def dimensions(self, media: Media) -> str:
        return "–" if media.width is None else f"{media.width} × {media.height} pixels"

    @admin.display(description="film")
    def film(self, media: Media) -> str:
        fact = fact_of(media)
        words = [fact.codec, fact.fps and f"{fact.fps:.3g} frames per second", fact.frames and f"{fact.frames} frames"]
        return ", ".join(word for word in words if word) or "–"

    @admin.display(description="camera model")
    def camera_model(self, media: Media) -> str:
        return fact_of(media).camera_model or "–"

    @admin.display(description="found out")
    def derivation(self, media: Media) -> str:
        fact = fact_of(media)
        if not fact.media_sha256:
            return "not yet" if media.file else "–"
        return " ".join(fact.problems) or f"all there is, at {fact.derived_at:%Y-%m-%d %H:%M:%S} UTC"

    def perform(self, request: HttpRequest, row: Media | None, form: Any) -> Media:
        if row is None:
            return self._create(request, form)
        by, spooled = actor(request), spooled_of(form)
        row.version = form.cleaned_data["seen"] or row.version
        if spooled is not None:
            row = actions.accept(row, spooled, name=form.cleaned_data["upload"].original_name, by=by)
        return actions.describe(row, form.described(), by=by)

    def _create(self, request: HttpRequest, form: Any) -> Media:
        by, spooled, type_ = actor(request), spooled_of(form), form.cleaned_data["type"]
        if spooled is None:
            return actions.create(type=type_, by=by, **form.described())
        name = form.cleaned_data["upload"].original_name
        return actions.create_with(spooled, type=type_, name=name, by=by, **form.described())

    def end(self, request: HttpRequest, row: Media) -> None:
        actions.delete(row, by=actor(request))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        media = context["original"]
        if media is not None:
            context |= {
                "picture": at_large(media),
                "outlines": of_media(media, request),
                "layers": layers_of(media, request),
                "history": history_of(media, newest=HISTORY_SHOWN),
                "may_annotate": bool(media.file) and asking(request).has_perm("curation.add_annotation"),
            }
        return super().render_change_form(request, context, *args, **kwargs)


def ways_to(term: str) -> list[Q]:
    """What a search may mean; each has its index."""
    ways = [Q(name_folded__startswith=fold(term)), Q(camera=term)]
    if DIGEST_PART.fullmatch(term.lower()):
        ways.append(Q(sha256__startswith=term.lower()))
    return ways


def fact_of(media: Media) -> MediaFact:
    """What was found out about the media's present file; an empty row before that."""
    fact = getattr(media, "fact", None)
    return fact if fact and fact.media_sha256 == media.sha256 else MediaFact()


def layers_of(media: Media, request: HttpRequest) -> list[Layer]:
    """The annotations of a picture with their newest revisions, in two queries."""
    revisions = AnnotationRevision.objects.order_by("-number").defer("regions", "report")[:REVISIONS_SHOWN]
    rows = Annotation.objects.visible_to(asking(request)).filter(media=media).select_related("owner")
    rows = rows.prefetch_related(Prefetch("revisions", revisions, to_attr="newest_revisions"))
    shown: Any = rows.order_by("-id")[:LAYERS_SHOWN]
    return [layer(row, row.newest_revisions, asking(request)) for row in shown]


def in_words(size: int) -> str:
    """Bytes as a person reads them: 812 bytes, 3.4 kB, 1.2 MB (powers of ten, as file managers show them)."""
    if size < 1000:
        return f"{size} bytes"
    value = float(size)
    for unit in ("kB", "MB"):
        value /= 1000
        if value < 1000:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} GB"
