"""Annotations and their revisions."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.admin.base import ActionForm, Page, actor, asking
from accounts.admin.fields import when
from accounts.admin.history import history_of
from accounts.admin.lists import choice_filter
from accounts.ids import LARGEST_ID
from accounts.refusals import Invalid, Refusal
from curation.actions import annotations as actions
from curation.actions import find
from curation.actions.links import may_have_file
from curation.admin.layers import LayerPage
from curation.admin.media import HISTORY_SHOWN, in_words
from curation.admin.pictures import address_of, at_large, bare, title_of
from curation.admin.revisions import line
from curation.admin.uploads import UploadField, spooled_of
from curation.models import Annotation, AnnotationRevision, Media, Origin

REVISIONS_SHOWN = 50
FORMATS = "Any UTF-8 text, JSON or XML: YOLO, COCO, VOC, ..."


class AnnotationForm(ActionForm):
    """A new revision. `seen` is the version that was looked at: who is late is told."""

    upload = UploadField(required=False, label="Next revision", help_text=FORMATS)
    seen = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = self.instance.version


class NewAnnotationForm(ActionForm):
    media_id = forms.IntegerField(
        min_value=1,
        max_value=LARGEST_ID,
        label="Media number",
        help_text="As in the list of media; it must be uploaded.",
    )
    upload = UploadField(required=False, label="File", help_text=FORMATS)


@admin.register(Annotation)
class AnnotationAdmin(LayerPage):
    form = AnnotationForm
    add_form = NewAnnotationForm
    list_display = ("__str__", "media", "state", "origin", "format", "owner", when("created_at"))
    list_filter = (choice_filter("state", Annotation.State.choices), choice_filter("origin", Origin.choices))
    list_select_related = ("media", "owner")
    change_form_template = "admin/curation/annotation/change_form.html"
    kept: ClassVar[tuple[str, ...]] = (
        "of", "state", "origin", "is_truth", "format", "content_type", "size_in_words", "sha256", "sent_by",
        when("created_at"), when("updated_at"), "version",
    )  # fmt: skip

    def largest(self) -> int:
        return int(settings.ANNOTATION_MAX_BYTES)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Annotation]:
        rows = Annotation.objects.visible_to(asking(request))
        return rows.select_related("media", "owner", "current").defer("current__regions", "current__report")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": ("media_id", "upload")})]
        kept = ("What is kept", {"fields": self.kept})
        return [(None, {"fields": ("upload", "seen")}), kept] if self.has_change_permission(request, obj) else [kept]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.kept if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or obj.may_be_changed_by(asking(request)))

    @admin.display(description="media")
    def of(self, annotation: Annotation) -> str:
        return format_html('<a href="{}">{}</a>', address_of(annotation.media), title_of(annotation.media))

    @admin.display(description="owner")
    def sent_by(self, annotation: Annotation) -> str:
        return str(annotation.owner or "–")

    @admin.display(description="size")
    def size_in_words(self, annotation: Annotation) -> str:
        return "–" if annotation.size is None else in_words(annotation.size)

    def perform(self, request: HttpRequest, row: Annotation | None, form: Any) -> Annotation:
        if row is None:
            return self._create(request, form)
        spooled = spooled_of(form)
        row.version = form.cleaned_data["seen"] or row.version
        return row if spooled is None else actions.accept(row, spooled, by=actor(request))

    def _create(self, request: HttpRequest, form: Any) -> Annotation:
        by, spooled = actor(request), spooled_of(form)
        media = self._media(request, form.cleaned_data["media_id"])
        if spooled is None:
            return actions.create(media, by=by)
        return actions.create_with(media, spooled, by=by)

    def _media(self, request: HttpRequest, number: int) -> Media:
        try:
            media = find.media_to_annotate(number, access=asking(request))
        except Refusal as refusal:
            raise Invalid(str(refusal), "body", "media_id") from refusal
        if not media.file:
            raise Invalid("Nothing was uploaded to this media yet.", "body", "media_id")
        return media

    def end(self, request: HttpRequest, row: Annotation) -> None:
        actions.delete(row, by=actor(request))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        annotation = context["original"]
        if annotation is not None:
            revisions = annotation.revisions.order_by("-number").defer("regions", "report")
            context |= {
                "picture": at_large(annotation.media),
                "lines": [line(revision, asking(request)) for revision in revisions[:REVISIONS_SHOWN]],
                "history": history_of(annotation, newest=HISTORY_SHOWN),
                **self.decisions(request, annotation),
            }
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(AnnotationRevision)
class AnnotationRevisionAdmin(Page):
    """What was sent, for ever as it was sent."""

    list_display = ("__str__", "author_login", "origin", "format", "size_in_words", when("created_at"))
    list_filter = (choice_filter("origin", Origin.choices),)
    fields = (
        "annotation", "number", "download", "author_login", "origin", "is_truth", "format", "content_type",
        "size_in_words", "sha256", "note", when("created_at"),
    )  # fmt: skip
    readonly_fields = fields

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A file that speaks of other pictures too is not offered to who may not know of them."""
        may = obj is None or may_have_file(obj, asking(request))
        return [name for name in self.fields if may or name != "download"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        seen = Annotation.objects.visible_to(asking(request)).values("pk")
        rows: QuerySet[Any] = AnnotationRevision.objects.filter(annotation__in=seen)
        return rows.select_related("annotation").defer("regions", "report")

    @admin.display(description="size")
    def size_in_words(self, revision: AnnotationRevision) -> str:
        return in_words(revision.size)

    @admin.display(description="file")
    def download(self, revision: AnnotationRevision) -> str:
        return format_html('<a href="{}">Download</a>', bare(revision))
