"""What people decide about a layer, on its page: accept it, compare its revisions, go back to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_POST

from accounts.admin.base import actor, asking
from accounts.refusals import NotFound, Refusal
from curation.actions import find, layers, regions
from curation.actions.exporting import one
from curation.actions.exporting.asked import FIELDS, asked
from curation.admin.outlines import of_said
from curation.admin.uploads import UploadPage
from curation.formats.difference import Difference
from curation.formats.regions import Region, in_order
from curation.formats.table import FORMATS
from curation.models import Annotation, AnnotationRevision, Mapping, Origin
from curation.storage.headers import content_disposition

REGIONS_SHOWN = 200
MAPPINGS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a comparison; "–" for what is not there."""

    what: str
    before: str
    after: str
    iou: str = "–"


def corners(region: Region) -> str:
    """Percent of the width and height, as a person reads a picture."""
    left, top, right, bottom = (f"{100 * value:.1f}" for value in (region.x1, region.y1, region.x2, region.y2))
    return f"{left}, {top} to {right}, {bottom} %"


def in_words(region: Region) -> str:
    score = "" if region.score is None else f", score {region.score:.2f}"
    return f"{region.label or 'no label'} at {corners(region)}{score}"


def changes(found: Difference) -> list[Change]:
    """The lines of a comparison, at most REGIONS_SHOWN of each sort."""
    lines = [Change("added", "–", in_words(region)) for region in found.added[:REGIONS_SHOWN]]
    lines += [Change("removed", in_words(region), "–") for region in found.removed[:REGIONS_SHOWN]]
    for what, pairs in (("moved", found.moved), ("relabelled", found.relabelled)):
        for pair in pairs[:REGIONS_SHOWN]:
            lines.append(Change(what, in_words(pair.before), in_words(pair.after), f"{pair.iou:.2f}"))
    return lines


class LayerPage(UploadPage):
    """Adds the decisions to the page and the list of annotations."""

    actions = ("accept_chosen",)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return asking(request).has_perm("curation.change_annotation")

    @admin.action(description="Accept the chosen layers: all of them, or none", permissions=["decide"])
    def accept_chosen(self, request: HttpRequest, queryset: QuerySet[Annotation]) -> None:
        try:
            made = layers.accept(list(queryset.order_by("pk")), by=actor(request))
        except Refusal as refusal:
            messages.error(request, f"{refusal} Nothing was changed.")
            return
        messages.success(request, f"{len(made)} accepted: each is the human layer of its media now.")

    def get_urls(self) -> list[URLPattern]:
        views = {"accept": require_POST(self.accept_view), "restore": require_POST(self.restore_view)}
        views["export"] = require_POST(self.export_view)
        views["compare"] = require_GET(self.compare_view)
        own = [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"curation_annotation_{name}")
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def _layer(self, request: HttpRequest, pk: int) -> Annotation:
        row: Annotation | None = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        return row

    def _decided_on(self, request: HttpRequest, pk: int) -> Annotation:
        """The layer, at the version that the page showed. Raises PermissionDenied, Http404."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        row, seen = self._layer(request, pk), request.POST.get("seen", "")
        row.version = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else row.version
        return row

    def accept_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._decided_on(request, pk)
        try:
            find.media(row.media_id, access=asking(request))
            [made] = layers.accept([row], by=actor(request))
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return self.to_page_of(row)
        messages.success(request, "Accepted: this is the human layer now.")
        return self.to_page_of(made)

    def restore_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._decided_on(request, pk)
        try:
            find.changeable(row, access=asking(request))
            layers.restore(row, _revision(row, request.POST.get("revision", "")), by=actor(request))
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, "Gone back, by a new revision.")
        return self.to_page_of(row)

    def compare_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._layer(request, pk)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        try:
            before, after = (_revision(row, request.GET.get(name, "")) for name in ("from", "to"))
            found = layers.diff(before, after)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return self.to_page_of(row)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Revisions {before.number} and {after.number} of {row}",
            "original": row,
            "opts": self.opts,
            "before": before,
            "after": after,
            "changes": changes(found),
            "found": found,
        }
        return TemplateResponse(request, "admin/curation/annotation/compare.html", context)

    def export_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._layer(request, pk)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        said = {name: request.POST[name] for name in FIELDS if request.POST.get(name, "").strip()}
        try:
            wanted = asked(said, by=actor(request))
            file = one.file_of(row, wanted)
            one.note(row, file, wanted)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return self.to_page_of(row)
        headers = {"Content-Disposition": content_disposition(file.name, inline=False)}
        return HttpResponse(file.content, content_type=file.content_type, headers=headers)

    def decisions(self, request: HttpRequest, annotation: Annotation) -> dict[str, Any]:
        """What the page needs to show what a layer says, and what may be decided about it."""
        known = annotation.revisions.exclude(regions_sha256="").order_by("-number")
        said = _said(annotation)
        may_change = self.has_change_permission(request, annotation)
        return {
            "regions": [(region.label or "–", region.score, corners(region)) for region in said[:REGIONS_SHOWN]],
            "regions_more": len(said) - len(said[:REGIONS_SHOWN]),
            "outlines": of_said(annotation, said),
            "is_known": annotation.current is not None and annotation.current.regions is not None,
            "known_numbers": list(known.values_list("number", flat=True)[:REGIONS_SHOWN]),
            "may_restore": may_change,
            "formats": [(format_.name, format_.title) for format_ in FORMATS.values()],
            "mappings": Mapping.objects.order_by("name").values_list("name", flat=True).distinct()[:MAPPINGS_SHOWN],
            "may_accept": self.has_decide_permission(request) and annotation.origin != Origin.HUMAN,
        }


def _said(annotation: Annotation) -> list[Region]:
    """What can be read of it: a damaged revision is shown as if nothing were known."""
    try:
        return in_order((regions.of(annotation.current) if annotation.current else None) or [])
    except Refusal:
        return []


def _revision(annotation: Annotation, number: str) -> AnnotationRevision:
    if not number.isascii() or not number.isdigit() or len(number) > 10:
        raise NotFound("revisions", number[:20])
    return layers.revision_of(annotation, int(number))
