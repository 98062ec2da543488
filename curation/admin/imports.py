"""Archives that are uploaded and taken in, and what became of each file."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path, reverse

from accounts.admin.base import ActionForm, actor, asking
from accounts.admin.fields import when
from accounts.admin.lists import choice_filter
from accounts.ids import LARGEST_ID
from accounts.refusals import Invalid
from curation.actions import imports as actions
from curation.admin.media import in_words
from curation.admin.uploads import UploadField, UploadPage, spooled_of
from curation.models import ImportItem, ImportRun

ITEMS_SHOWN = 100
COUNTS = ("seen", "created", "unchanged", "refused", "skipped")


class ArchiveForm(ActionForm):
    upload = UploadField(
        required=False, label="Archive", help_text="A .zip, .tar or .tar.gz of pictures, and of labels beside them."
    )
    source = forms.CharField(
        required=False, max_length=100, help_text="Where they come from; empty: as their names say."
    )


class RunPage(UploadPage):
    """Runs of one kind, and what became of each file."""

    kind: ClassVar[str]
    counts: ClassVar[tuple[str, ...]] = COUNTS
    list_filter = (choice_filter("state", ImportRun.State.choices),)
    list_select_related = ("owner",)
    change_form_template = "admin/curation/importrun/change_form.html"

    def largest(self) -> int:
        return int(settings.IMPORT_MAX_BYTES)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportRun]:
        rows = ImportRun.objects.visible_to(asking(request)).filter(kind=self.kind)
        return rows.select_related("owner", "organisation")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # what happened has happened

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="state")
    def shown_state(self, run: ImportRun) -> str:
        return run.get_state_display()

    @admin.display(description="size")
    def size_in_words(self, run: ImportRun) -> str:
        return "–" if run.size is None else in_words(run.size)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.report_view)
        name = f"curation_{self.opts.model_name}_report"
        return [path("<int:pk>/report.csv", view, name=name), *super().get_urls()]

    def report_view(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        run = self.get_object(request, str(pk))
        if run is None or not self.has_view_permission(request, run):
            raise Http404
        headers = {"Content-Disposition": f'attachment; filename="import-{run.pk}.csv"'}
        return StreamingHttpResponse(actions.report(run), content_type="text/csv; charset=utf-8", headers=headers)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        run = context["original"]
        if run is not None:
            state, error = actions.state_of(run)
            context |= {
                "state": state,
                "error": error,
                "counts": [(name.replace("_", " "), getattr(run, name)) for name in self.counts],
                "report": reverse(f"admin:curation_{self.opts.model_name}_report", args=[run.pk]),
                **_items(run, request),
            }
        return super().render_change_form(request, context, *args, **kwargs)


def _items(run: ImportRun, request: HttpRequest) -> dict[str, Any]:
    """A page of files, those of one verdict where the address names one."""
    verdict, after = request.GET.get("verdict", ""), request.GET.get("after", "")
    rows = run.items.filter(id__gt=int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0)
    if verdict in ImportItem.Verdict.values:
        rows = rows.filter(verdict=verdict)
    found = list(rows.filter(id__lte=LARGEST_ID).order_by("id")[: ITEMS_SHOWN + 1])
    more = found[ITEMS_SHOWN - 1].pk if len(found) > ITEMS_SHOWN else None
    return {
        "items": [(item, actions.in_words(item.told or [])) for item in found[:ITEMS_SHOWN]],
        "verdict": verdict,
        "verdicts": [(each, each.replace("_", " ")) for each in verdicts_of(run)],
        "more": more,
    }


def verdicts_of(run: ImportRun) -> list[str]:
    """Those that a run of its kind gives."""
    of_meaning = {ImportItem.Verdict.CHANGED, ImportItem.Verdict.NOT_FOUND}
    return [str(each) for each in ImportItem.Verdict if run.kind == run.Kind.ANNOTATIONS or each not in of_meaning]


@admin.register(ImportRun)
class ImportRunAdmin(RunPage):
    add_form = ArchiveForm
    kind = ImportRun.Kind.PICTURES
    list_display = ("__str__", "source", "shown_state", *COUNTS, "owner", when("created_at"))
    kept: ClassVar[tuple[str, ...]] = (
        "source", "owner", "organisation", "sha256", "size_in_words", when("created_at"), when("finished_at"),
    )  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [(None, {"fields": self.kept if obj else ("upload", "source")})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.kept if obj else ()

    def perform(self, request: HttpRequest, row: ImportRun | None, form: Any) -> ImportRun:
        spooled = spooled_of(form)
        if row is not None:
            raise PermissionDenied
        if spooled is None:
            raise Invalid("Choose an archive.", "body", "upload")
        name, source = form.cleaned_data["upload"].original_name, form.cleaned_data["source"]
        return actions.start(spooled, name=name, source=source, by=actor(request))
