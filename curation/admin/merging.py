"""Pages of what can be merged: a confirmation that says what changes, and the way back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.admin.base import HISTORY_SHOWN, Page, actor, asking
from accounts.admin.history import history_of
from accounts.refusals import Refusal
from curation.actions import merging
from curation.admin.pictures import Picture, in_list, with_previews
from curation.models import Media, Sequence, View

PICTURES_SHOWN = 24  # of a view or a sequence, on its page
CHOICES = 400  # rows that one can be merged into: a camera has at most 361 views

Mergeable = View | Sequence


class MergeForm(forms.Form):
    into: forms.Field

    def __init__(self, *args: Any, rows: list[Mergeable], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(row.pk), f"{row} (#{row.pk})") for row in rows]
        self.fields["into"] = forms.ChoiceField(label="Show its pictures with", choices=choices)


class MergePage(Page):
    """A page of views or of sequences. Nothing is added or deleted by hand."""

    merge_words = ""  # what changes and what does not
    media_filter = ""  # of the list of media

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def others(self, row: Any) -> QuerySet[Any]:
        """Rows that it can be merged into."""
        raise NotImplementedError

    def merge(self, keep: Any, gone: Any, request: HttpRequest) -> Any:
        raise NotImplementedError

    def media_of(self, row: Any, request: HttpRequest) -> Any:
        """Its media, in the order in which they are shown."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        name, site = f"curation_{self.opts.model_name}", self.admin_site
        merge = site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.merge_view))
        own = [
            path("<int:pk>/merge/", merge, name=f"{name}_merge"),
            path("<int:pk>/undo/", site.admin_view(require_POST(self.undo_view)), name=f"{name}_undo"),
        ]
        return [*own, *super().get_urls()]

    def changeable(self, request: HttpRequest, pk: int) -> Any:
        if not self.has_change_permission(request):
            raise PermissionDenied
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        return row

    def merge_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        gone: Any = self.changeable(request, pk)
        others = {str(row.pk): row for row in self.others(gone)[:CHOICES]}
        form = MergeForm(request.POST or None, rows=list(others.values()))
        if request.method == "POST" and form.is_valid():
            keep = others[form.cleaned_data["into"]]
            try:
                self.merge(keep, gone, request)
            except Refusal as refusal:
                messages.error(request, str(refusal))
                return self.to_page_of(gone)
            messages.success(request, f"Pictures of {gone} are shown with {keep}.")
            return self.to_page_of(keep)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Merge {gone}",
            "opts": self.opts,
            "original": gone,
            "address": self.address(gone),
            "form": form,
            "others": others,
            "words": self.merge_words,
            "pictures": self.pictures(gone, request),
        }
        return TemplateResponse(request, "admin/curation/merge.html", context)

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        gone: Any = self.changeable(request, pk)
        try:
            merging.undo(gone, by=actor(request))
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"{gone} stands for itself again.")
        return self.to_page_of(gone)

    def pictures(self, row: Any, request: HttpRequest) -> list[Picture]:
        return [in_list(media) for media in with_previews(self.media_of(row, request))[:PICTURES_SHOWN]]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        row = context["original"]
        context |= {
            "all_media": f"{reverse('admin:curation_media_changelist')}?{self.media_filter}={row.pk}",
            "may_merge": self.has_change_permission(request, row),
            "merged": list(type(row)._default_manager.filter(merged_into=row)[:CHOICES]),
            "pictures": self.pictures(row, request),
            "history": history_of(row, newest=HISTORY_SHOWN),
        }
        return super().render_change_form(request, context, *args, **kwargs)


def visible_media(request: HttpRequest) -> Any:
    return Media.objects.visible_to(asking(request))
