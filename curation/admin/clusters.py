"""Clusters of near-duplicates: looked at side by side, and decided about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from accounts.admin.base import HISTORY_SHOWN, DecidedPage, actor, asking
from accounts.admin.fields import when
from accounts.admin.history import history_of
from accounts.admin.lists import ChoiceFilter, choice_filter
from accounts.refusals import Invalid, Refusal
from curation.actions.duplicates import deciding
from curation.admin.pictures import Picture, in_list, with_previews
from curation.models import Cluster, ClusterItem, Media

PICTURES_SHOWN = 60  # of a cluster, on one page
DIGITS_MAX = 18  # of a number that was typed


class AwaitsFilter(ChoiceFilter):
    title = "awaits a look"
    parameter_name = "awaits"
    column = "awaits"
    choices_known: ClassVar[list[tuple[str, str]]] = [("yes", "Yes"), ("no", "No")]

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(awaits=value == "yes")


@dataclass(frozen=True, slots=True)
class Member:
    """A media of a cluster, as its page shows it. distance: bits of 256."""

    media: int
    picture: Picture
    distance: int
    is_new: bool
    is_kept: bool


@admin.register(Cluster)
class ClusterAdmin(DecidedPage):
    list_display = ("title", "kind", "seen", "said", "awaits", when("created_at"))
    list_filter = (
        AwaitsFilter,
        choice_filter("kind", Cluster.Kind.choices),
        choice_filter("decision", Cluster.Decision.choices),
    )
    search_fields = ("id",)
    search_help_text = "The number of a media"
    change_form_template = "admin/curation/cluster/change_form.html"
    fields = ("kind", "seen", "said", "awaits", "decided_by", when("decided_at"), when("created_at"))
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cluster]:
        items = ClusterItem.objects.visible_to(asking(request)).filter(cluster=OuterRef("pk"))
        counted = items.order_by().values("cluster").annotate(seen=Count("pk")).values("seen")
        rows = Cluster.objects.visible_to(asking(request)).annotate(seen=Subquery(counted))
        return rows.select_related("decided_by")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """That of a media which the access sees: a cluster may be seen in part."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if not term.isascii() or not term.isdigit() or int(term[:DIGITS_MAX]) != int(term):
            return queryset.none(), False
        items = ClusterItem.objects.visible_to(asking(request)).filter(media=int(term))
        return queryset.filter(pk__in=items.values("cluster")), False

    @admin.display(description="cluster")
    def title(self, cluster: Cluster) -> str:
        return str(cluster)

    @admin.display(description="pictures")
    def seen(self, cluster: Any) -> int:
        return int(cluster.seen)

    @admin.display(description="decision")
    def said(self, cluster: Cluster) -> str:
        return cluster.get_decision_display() or "–"

    # --- Its page --------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        views = {"decide": require_POST(self.decide_view), "undo": require_POST(self.undo_view)}
        own = [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"curation_cluster_{name}")
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        cluster, access = context["original"], asking(request)
        items = ClusterItem.objects.visible_to(access).filter(cluster=cluster).order_by("pk")
        after = request.GET.get("after", "")
        if after.isascii() and after.isdigit() and len(after) <= DIGITS_MAX:
            items = items.filter(pk__gt=int(after))
        page = list(items[: PICTURES_SHOWN + 1])
        context |= {
            "members": _members(page[:PICTURES_SHOWN], cluster),
            "more": page[PICTURES_SHOWN - 1].pk if len(page) > PICTURES_SHOWN else None,
            "may_decide": self._may_decide(request) and cluster.may_be_changed_by(access),
            "next": self._next(request, cluster),
            "history": history_of(cluster, newest=HISTORY_SHOWN),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def _next(self, request: HttpRequest, cluster: Cluster) -> Cluster | None:
        """An older one that awaits a look."""
        rows = Cluster.objects.visible_to(asking(request)).filter(awaits=True, pk__lt=cluster.pk)
        return rows.order_by("-pk").first()

    def _may_decide(self, request: HttpRequest) -> bool:
        return asking(request).has_perm("curation.change_cluster")

    def _decided_on(self, request: HttpRequest, pk: int) -> Cluster:
        """The cluster, at the version that the page showed. Raises PermissionDenied, Http404."""
        if not self._may_decide(request):
            raise PermissionDenied
        cluster: Cluster | None = self.get_object(request, str(pk))
        if cluster is None:
            raise Http404
        if not cluster.may_be_changed_by(asking(request)):
            raise PermissionDenied
        cluster.version = _number(request, "seen") or cluster.version
        return cluster

    def decide_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Keep one, where the button of a picture was pressed; then on to the next one that awaits a look."""
        cluster, kept = self._decided_on(request, pk), _number(request, "kept")
        decision = Cluster.Decision.KEEP_ONE if kept else request.POST.get("decision", "")
        if decision not in Cluster.Decision.values:
            messages.error(request, "Choose what to decide. Nothing was changed.")
            return self.to_page_of(cluster)
        try:
            deciding.decide(cluster, decision, kept=kept, by=actor(request))
        except Refusal as refusal:
            messages.error(request, _sentence(refusal))
            return self.to_page_of(cluster)
        return self._onward(request, cluster)

    def _onward(self, request: HttpRequest, cluster: Cluster) -> HttpResponseRedirect:
        link = format_html('<a href="{}">{}</a>', self.address(cluster), str(cluster).capitalize())
        words = cluster.get_decision_display().lower()
        kept = f" (media {cluster.kept_id})" if cluster.kept_id else ""
        messages.success(request, format_html("{}: {}{}.", link, words, kept))
        return self.to_page_of(self._next(request, cluster) or cluster)

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        cluster = self._decided_on(request, pk)
        try:
            deciding.undo(cluster, by=actor(request))
        except Refusal as refusal:
            messages.error(request, _sentence(refusal))
        else:
            messages.success(request, "Nothing is decided about this cluster any more; its history tells what was.")
        return self.to_page_of(cluster)


def _members(items: list[ClusterItem], cluster: Cluster) -> list[Member]:
    rows = with_previews(Media.objects.filter(pk__in=[item.media_id for item in items]))
    media = {row.pk: row for row in rows}
    return [
        Member(
            item.media_id, in_list(media[item.media_id]), item.distance, item.is_new, item.media_id == cluster.kept_id
        )
        for item in items
    ]


def _number(request: HttpRequest, name: str) -> int | None:
    told = request.POST.get(name, "")
    return int(told) if told.isascii() and told.isdigit() and len(told) <= DIGITS_MAX else None


def _sentence(refusal: Refusal) -> str:
    """What is wrong with a field has no field to stand beside here."""
    return f"Media {refusal}." if isinstance(refusal, Invalid) else str(refusal)
