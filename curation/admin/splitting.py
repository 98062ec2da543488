"""What is done with a sequence as a whole: cut it in two before one of its pictures, accept what a model said of it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods, require_POST

from accounts.admin.base import actor, asking
from accounts.ids import LARGEST_ID
from accounts.refusals import Refusal
from curation.actions import cameras as actions
from curation.actions import layers
from curation.admin.merging import MergePage
from curation.admin.pictures import in_list, with_previews
from curation.models import Media, Sequence

AT_ONCE = 96  # pictures to choose from; more are behind a link


class SplitForm(forms.Form):
    first = forms.IntegerField(min_value=1, max_value=LARGEST_ID)  # media, of the new sequence


class SplitPage(MergePage):
    """Adds the page to those of a sequence."""

    def get_urls(self) -> list[URLPattern]:
        view = require_http_methods(["GET", "HEAD", "POST"])(self.split_view)
        accept = self.admin_site.admin_view(require_POST(self.accept_view))
        own = [
            path("<int:pk>/split/", self.admin_site.admin_view(view), name="curation_sequence_split"),
            path("<int:pk>/accept/", accept, name="curation_sequence_accept"),
        ]
        return [*own, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        sequence: Sequence = context["original"]
        may_change = self.has_change_permission(request, sequence) and not sequence.merged_into_id
        context |= {"may_split": may_change, "may_accept": may_change}
        return super().render_change_form(request, context, *args, **kwargs)

    def split_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        sequence: Sequence = self.changeable(request, pk)
        form = SplitForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            return self.cut(request, sequence, form.cleaned_data["first"])
        rows = [*with_previews(self.asked_for(request, sequence).select_related("item"))[: AT_ONCE + 1]]
        context = {
            **self.admin_site.each_context(request),
            "title": f"Split {sequence}",
            "opts": self.opts,
            "original": sequence,
            "address": self.address(sequence),
            "unchosen": request.method == "POST",
            "choices": [(row.pk, row.captured_at, in_list(row)) for row in rows[:AT_ONCE]],
            "next_after": rows[AT_ONCE - 1].pk if len(rows) > AT_ONCE else None,
        }
        return TemplateResponse(request, "admin/curation/split.html", context)

    def accept_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        sequence: Sequence = self.changeable(request, pk)
        try:
            made = layers.accept(layers.predictions_in(sequence, asking(request)), by=actor(request))
        except Refusal as refusal:
            messages.error(request, f"{refusal} Nothing was changed.")
        else:
            messages.success(request, f"{len(made)} accepted: each is the human layer of its media now.")
        return self.to_page_of(sequence)

    def asked_for(self, request: HttpRequest, sequence: Sequence) -> Any:
        """Its media from the second one on, or those behind the one that the address names."""
        rows = self.media_of(sequence, request)
        after = SplitForm({"first": request.GET.get("after", "")})
        last = rows.select_related("item")
        last = last.filter(pk=after.cleaned_data["first"]).first() if after.is_valid() else last.first()
        if last is None:
            raise Http404
        return rows.following(last)

    def cut(self, request: HttpRequest, sequence: Sequence, media_id: int) -> HttpResponse:
        media: Media | None = self.media_of(sequence, request).filter(pk=media_id).first()
        if media is None:
            raise PermissionDenied
        try:
            part = actions.split(sequence, media, by=actor(request))
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return self.to_page_of(sequence)
        messages.success(request, f"{part} begins with {media}.")
        return self.to_page_of(part)
