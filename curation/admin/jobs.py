"""What the service does on its own: what waits, what runs, what failed and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.actor import Actor
from accounts.admin.base import HISTORY_SHOWN, DecidedPage, actor, asking
from accounts.admin.fields import when
from accounts.admin.history import history_of
from accounts.admin.lists import Searched, choice_filter
from accounts.ids import LARGEST_ID
from accounts.refusals import Refusal
from curation.actions import jobs, leases
from curation.models import Job

KINDS = (
    "collect", "complete_upload", "derive", "find_duplicates", "freeze", "import", "import_annotations", "light",
    "read", "resolve", "scrub", "sweep_uploads",
)  # fmt: skip
QUIET_AFTER = 60.0  # seconds: three missed signs of life, and some air
ERROR_SHOWN = 100  # characters, in the list

Deed = Callable[..., object]


def no_worker() -> str:
    """A sentence for whoever waits for a job while nobody works, else "" (for every page where somebody waits)."""
    quiet = leases.seconds_since_a_worker(timezone.now())
    if quiet is None:
        return "No worker has been seen yet: jobs wait until one runs."
    return "" if quiet < QUIET_AFTER else f"No worker has been seen for {in_time(quiet)}: jobs wait until one runs."


def in_time(seconds: float) -> str:
    """90 s, 25 min, 30 h."""
    for size, unit in ((2 * 3600, "h"), (2 * 60, "min")):
        if seconds >= size:
            return f"{int(seconds * 2 // size)} {unit}"
    return f"{int(seconds)} s"


@admin.register(Job)
class JobAdmin(Searched, DecidedPage):
    list_display = ("title", "state", "key", "attempts", "progress", "short_error", "asked_by", when("created_at"))
    list_filter = (choice_filter("state", Job.State.choices), choice_filter("kind", [(kind, kind) for kind in KINDS]))
    list_select_related = ("requested_by",)
    search_fields = ("key",)
    search_help_text = "The number of a job, or the beginning of its key"
    actions = ("retry_chosen", "cancel_chosen")
    change_list_template = "admin/curation/job/change_list.html"
    change_form_template = "admin/curation/job/change_form.html"
    fields = (
        "title", "key", "state", "attempts", "progress", "error", "asked_by", when("created_at"), when("not_before"),
        when("started_at"), when("finished_at"), when("lease_until"),
    )  # fmt: skip
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return Job.objects.visible_to(asking(request)).select_related("requested_by")

    def found(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        alike = Q(key__startswith=term)
        if term.isascii() and term.isdigit() and int(term[:20]) <= LARGEST_ID:
            alike |= Q(pk=int(term[:20]))
        return queryset.filter(alike)

    @admin.display(description="job")
    def title(self, job: Job) -> str:
        return str(job)

    @admin.display(description="progress")
    def progress(self, job: Job) -> str:
        if job.total:
            return f"{job.done} of {job.total}"
        return str(job.done) if job.done else "–"

    @admin.display(description="error")
    def short_error(self, job: Job) -> str:
        return job.error if len(job.error) <= ERROR_SHOWN else f"{job.error[:ERROR_SHOWN]}…"

    @admin.display(description="asked by")
    def asked_by(self, job: Job) -> str:
        return job.requested_by.login if job.requested_by else "–"

    # --- Nothing is edited; two things may be decided ------------------------------------------------

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return asking(request).has_perm("curation.change_job")

    @admin.action(description="Try the chosen jobs again", permissions=["decide"])
    def retry_chosen(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        each(request, queryset, jobs.retry, "wait to be tried again")

    @admin.action(description="Cancel the chosen jobs", permissions=["decide"])
    def cancel_chosen(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        each(request, queryset, jobs.cancel, "cancelled")

    def get_urls(self) -> list[URLPattern]:
        deeds = {
            "retry": (jobs.retry, "It waits to be tried again."),
            "cancel": (jobs.cancel, "Cancelled; if it runs, it stops at its next step."),
        }
        own = [
            path(f"<int:pk>/{name}/", self._view(deed, words), name=f"curation_job_{name}")
            for name, (deed, words) in deeds.items()
        ]
        return [*own, *super().get_urls()]

    def _view(self, deed: Deed, words: str) -> Any:
        def view(request: HttpRequest, pk: int) -> HttpResponse:
            if not self.has_decide_permission(request):
                raise PermissionDenied
            job = self.get_object(request, str(pk))
            if job is None:
                raise Http404
            if refusal := refused(deed, job, actor(request)):
                messages.error(request, refusal)
            else:
                messages.success(request, words)
            return self.to_page_of(job)

        return self.admin_site.admin_view(require_POST(view))

    # --- Pages ---------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"no_worker": no_worker()} | (extra_context or {}))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        job: Job = context["original"]
        decides = self.has_decide_permission(request)
        context["may_retry"] = decides and job.state in jobs.OVER
        context["may_cancel"] = decides and job.state in jobs.OPEN
        context["history"] = history_of(job, newest=HISTORY_SHOWN)
        context["no_worker"] = no_worker() if job.state in jobs.OPEN else ""
        return super().render_change_form(request, context, *args, **kwargs)


def refused(deed: Deed, row: Any, by: Actor) -> str:
    """Why the action did not do it; "" when it did."""
    try:
        deed(row, by=by)
    except Refusal as refusal:
        return str(refusal)
    return ""


def each(request: HttpRequest, queryset: QuerySet[Any], deed: Deed, words: str) -> None:
    """Do it to every chosen row; tell how many, and why not the others."""
    chosen, by = list(queryset), actor(request)
    refusals = [refusal for row in chosen if (refusal := refused(deed, row, by))]
    if len(refusals) < len(chosen):
        messages.success(request, f"{len(chosen) - len(refusals)} {words}.")
    for refusal in sorted(set(refusals)):
        messages.error(request, f"{refusals.count(refusal)} not: {refusal}")
