"""Files on their way straight into the store: how old, whose, and what became of them. They may be cancelled."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from accounts.admin.base import HISTORY_SHOWN, DecidedPage, actor, asking
from accounts.admin.fields import when
from accounts.admin.history import history_of
from accounts.admin.lists import Searched, choice_filter
from accounts.models import Access
from accounts.names import fold
from curation.actions import uploads
from curation.admin.jobs import each, in_time, refused
from curation.admin.media import in_words
from curation.admin.pictures import address_of
from curation.models import Upload


@admin.register(Upload)
class UploadAdmin(Searched, DecidedPage):
    list_display = ("__str__", "shown_name", "shown_state", "age", "size_in_words", "owner", when("created_at"))
    list_filter = (choice_filter("state", Upload.State.choices),)
    list_select_related = ("owner",)
    search_fields = ("owner",)
    search_help_text = "The login of an owner"
    actions = ("cancel_chosen",)
    change_form_template = "admin/curation/upload/change_form.html"
    fields = (
        "shown_name", "shown_state", "error", "owner", "type", "size_in_words", "sha256", "way", "of",
        when("created_at"), when("expires_at"), when("finished_at"),
    )  # fmt: skip
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Upload]:
        return Upload.objects.visible_to(asking(request)).select_related("owner", "media")

    def found(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        owner = Access.objects.filter(login_key=fold(term)).values_list("pk", flat=True).first()
        return queryset.filter(owner=owner or 0)

    @admin.display(description="name")
    def shown_name(self, upload: Upload) -> str:
        return upload.name or "–"

    @admin.display(description="state")
    def shown_state(self, upload: Upload) -> str:
        return "Expired" if uploads.is_expired(upload) else upload.get_state_display()

    @admin.display(description="age")
    def age(self, upload: Upload) -> str:
        """How long it is, or was, under way."""
        seconds = ((upload.finished_at or timezone.now()) - upload.created_at).total_seconds()
        return in_time(max(0.0, seconds))  # clocks of hosts differ

    @admin.display(description="size")
    def size_in_words(self, upload: Upload) -> str:
        return in_words(upload.size)

    @admin.display(description="comes")
    def way(self, upload: Upload) -> str:
        return f"in {upload.parts_count} parts" if upload.part_size else "by one PUT"

    @admin.display(description="media")
    def of(self, upload: Upload) -> str:
        if upload.media is None:
            return "–"
        return format_html('<a href="{}">{}</a>', address_of(upload.media), upload.media)

    # --- Nothing is edited; one thing may be decided -------------------------------------------------

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return asking(request).has_perm("curation.change_upload")

    @admin.action(description="Cancel the chosen uploads", permissions=["decide"])
    def cancel_chosen(self, request: HttpRequest, queryset: QuerySet[Upload]) -> None:
        each(request, queryset, uploads.cancel, "cancelled")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.cancel_view))
        return [path("<int:pk>/cancel/", view, name="curation_upload_cancel"), *super().get_urls()]

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_decide_permission(request):
            raise PermissionDenied
        upload = self.get_object(request, str(pk))
        if upload is None:
            raise Http404
        if refusal := refused(uploads.cancel, upload, actor(request)):
            messages.error(request, refusal)
        else:
            messages.success(request, "Cancelled; what has arrived is deleted.")
        return self.to_page_of(upload)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        upload: Upload = context["original"]
        context["may_cancel"] = self.has_decide_permission(request) and upload.finished_at is None
        context["history"] = history_of(upload, newest=HISTORY_SHOWN)
        return super().render_change_form(request, context, *args, **kwargs)
