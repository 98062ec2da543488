"""Cameras, views and sequences: looked at, corrected, merged."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin.base import HISTORY_SHOWN, ActionForm, Page, actor, asking
from accounts.admin.fields import when
from accounts.admin.history import history_of
from accounts.admin.lists import Searched, choice_filter
from accounts.names import fold
from curation.actions import cameras as actions
from curation.admin.merging import MergePage, visible_media
from curation.admin.splitting import SplitPage
from curation.imaging import sun
from curation.models import Camera, Sequence, View

DESCRIBED = ("name", "latitude", "longitude", "elevation", "fov", "timezone")


class CameraForm(ActionForm):
    name = forms.CharField(max_length=100)
    latitude = forms.FloatField(required=False, min_value=-90, max_value=90, help_text="Degrees, WGS 84.")
    longitude = forms.FloatField(required=False, min_value=-180, max_value=180)
    elevation = forms.FloatField(required=False, min_value=-500, max_value=9000, help_text="Metres above the sea.")
    fov = forms.FloatField(
        required=False,
        min_value=0.01,
        max_value=360,
        label="Field of view",
        help_text="Degrees that it is wide.",
    )
    timezone = forms.CharField(max_length=64, label="Time zone", help_text="Such as Europe/Paris.")


class ViewForm(ActionForm):
    azimuth = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=359,
        help_text="Degrees, 0 to 359; empty: unknown.",
    )


class SequenceForm(ActionForm):
    name = forms.CharField(max_length=255)


@admin.register(Camera)
class CameraAdmin(Searched, Page):
    form = CameraForm
    list_display = ("name", "of_organisation", "latitude", "longitude", when("created_at"))
    list_select_related = ("organisation",)
    search_fields = ("name",)
    search_help_text = "The beginning of a name"
    change_form_template = "admin/curation/camera/change_form.html"
    fields = (*DESCRIBED, "of_organisation", "known_as", "sun_now")
    readonly_fields = ("of_organisation", "known_as", "sun_now")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Camera]:
        return Camera.objects.visible_to(asking(request)).select_related("organisation")

    def found(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        return queryset.filter(name_folded__startswith=fold(term))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="organisation")
    def of_organisation(self, camera: Camera) -> str:
        return str(camera.organisation or "–")

    @admin.display(description="names on pictures")
    def known_as(self, camera: Camera) -> str:
        return ", ".join(str(alias) for alias in camera.aliases.order_by("source", "text")[:20]) or "–"

    @admin.display(description="there it is")
    def sun_now(self, camera: Camera) -> str:
        if camera.latitude is None or camera.longitude is None:
            return "unknown: the camera has no position"
        return sun.light(sun.elevation(timezone.now(), camera.latitude, camera.longitude))

    def perform(self, request: HttpRequest, row: Camera, form: Any) -> Camera:
        said = {name: form.cleaned_data[name] for name in form.changed_data}
        return actions.describe_camera(row, said, by=actor(request))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        camera = context["original"]
        context |= {
            "views": camera.views.select_related("camera", "merged_into__camera").order_by("azimuth"),
            "history": history_of(camera, newest=HISTORY_SHOWN),
        }
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(View)
class ViewAdmin(MergePage):
    form = ViewForm
    list_display = ("title", "merged", when("created_at"))
    change_form_template = "admin/curation/mergeable.html"
    media_filter = "view"
    fields = ("azimuth", "title", "merged", "known_as")
    readonly_fields = ("title", "merged", "known_as")
    merge_words = (
        "From now on the pictures of this view are shown with the azimuth of the other one, those too that "
        "still arrive with the old azimuth. The azimuth that came with each picture, its file and its "
        "digest stay as they are."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[View]:
        return View.objects.visible_to(asking(request)).select_related("camera", "merged_into__camera")

    @admin.display(description="view")
    def title(self, view: View) -> str:
        return str(view)

    @admin.display(description="merged into")
    def merged(self, view: View) -> str:
        return str(view.merged_into or "–")

    @admin.display(description="azimuths on pictures")
    def known_as(self, view: View) -> str:
        return ", ".join(str(alias) for alias in view.aliases.order_by("text")) or "–"

    def others(self, row: View) -> QuerySet[View]:
        rows = View.objects.filter(camera=row.camera_id, merged_into=None).exclude(pk=row.pk)
        return rows.select_related("camera").order_by("azimuth")

    def merge(self, keep: View, gone: View, request: HttpRequest) -> View:
        return actions.merge_views(keep, gone, by=actor(request))

    def media_of(self, row: View, request: HttpRequest) -> Any:
        return visible_media(request).of_views(row.shown_ids()).order_by("-id")

    def perform(self, request: HttpRequest, row: View, form: Any) -> View:
        return actions.turn(row, form.cleaned_data["azimuth"], by=actor(request))


@admin.register(Sequence)
class SequenceAdmin(Searched, SplitPage):
    form = SequenceForm
    list_display = ("name", "origin", "of_view", when("started_at"), when("ended_at"), "merged")
    list_filter = (choice_filter("origin", Sequence.Origin.choices),)
    search_fields = ("name",)
    search_help_text = "The beginning of a name"
    change_form_template = "admin/curation/mergeable.html"
    media_filter = "in_sequence"
    kept: ClassVar[tuple[str, ...]] = ("origin", "of_view", when("started_at"), when("ended_at"), "merged")
    fields = ("name", *kept)
    readonly_fields = kept
    merge_words = "Its pictures are shown in the other sequence, in the order of their capture. Nothing else changes."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sequence]:
        return Sequence.objects.visible_to(asking(request)).select_related("view__camera", "merged_into")

    def found(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        return queryset.filter(name_folded__startswith=fold(term))

    @admin.display(description="view")
    def of_view(self, sequence: Sequence) -> str:
        return str(sequence.view or "–")

    @admin.display(description="merged into")
    def merged(self, sequence: Sequence) -> str:
        return str(sequence.merged_into or "–")

    def others(self, row: Sequence) -> QuerySet[Sequence]:
        """The newest ones of its view, or of no single view."""
        rows = Sequence.objects.filter(organisation=row.organisation_id, view=row.view_id, merged_into=None)
        return rows.exclude(pk=row.pk).order_by("-id")

    def merge(self, keep: Sequence, gone: Sequence, request: HttpRequest) -> Sequence:
        return actions.merge_sequences(keep, gone, by=actor(request))

    def media_of(self, row: Sequence, request: HttpRequest) -> Any:
        return visible_media(request).in_sequence(row.shown_ids())

    def perform(self, request: HttpRequest, row: Sequence, form: Any) -> Sequence:
        return actions.rename_sequence(row, form.cleaned_data["name"], by=actor(request))
