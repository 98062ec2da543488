"""REST: archives taken in as a whole, and what became of each of their files."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.refusals import Invalid
from accounts.rest.methods import Methods
from accounts.rest.paging import PARAMETERS, PageQuery, page
from accounts.rest.parsers import JsonParser
from accounts.rest.requests import actor, asking, no_unknown_parameters, row_id
from accounts.rest.schema import LINK
from accounts.rest.times import moment
from accounts.scopes import Right
from curation.actions import find
from curation.actions import imports as actions
from curation.api.bodies import receive
from curation.api.media import IDEMPOTENCY
from curation.api.once import once, receipt, replayed
from curation.api.serializers import DIGEST
from curation.models import ImportItem, ImportRun, Mapping

COUNTS = ("seen", "created", "changed", "unchanged", "refused", "skipped", "not_found")
REGIONS = ("regions_kept", "regions_dropped", "regions_refused", "problems")
ITEM_COLUMNS = ("id", "path", "verdict", "reason", "sha256", "size", "media_id", "annotation_id", *REGIONS, "told")
VERDICT = OpenApiParameter("verdict", {"type": "string", "enum": list(ImportItem.Verdict.values)})


class ImportIn(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="a .zip, .tar or .tar.gz")
    sha256 = serializers.RegexField(DIGEST, required=False, help_text="declared digest of `file`")
    source = serializers.CharField(  # type: ignore[assignment]
        required=False, max_length=100, help_text="where the pictures come from, instead of what their names say"
    )


class MappingUsed(serializers.Serializer[Any]):
    name = serializers.CharField(help_text='"" for rules that came with the file')
    version = serializers.IntegerField(allow_null=True)
    rules = serializers.DictField(child=serializers.CharField())
    on_unknown = serializers.ChoiceField(choices=Mapping.OnUnknown.choices)


class ImportOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    kind = serializers.ChoiceField(choices=ImportRun.Kind.choices)
    source = serializers.CharField()  # type: ignore[assignment]
    sha256 = serializers.CharField(allow_null=True, help_text="of the archive")
    size = serializers.IntegerField(allow_null=True, help_text="bytes of the archive")
    state = serializers.ChoiceField(choices=ImportRun.State.choices)
    error = serializers.CharField(allow_null=True)
    seen = serializers.IntegerField(help_text="files so far; of annotations: pictures that files speak of")
    created = serializers.IntegerField()
    changed = serializers.IntegerField(help_text="layers that got another revision")
    unchanged = serializers.IntegerField()
    refused = serializers.IntegerField()
    skipped = serializers.IntegerField()
    not_found = serializers.IntegerField(help_text="pictures that are no media here")
    regions_kept = serializers.IntegerField()
    regions_dropped = serializers.IntegerField(help_text="as the mapping says")
    regions_refused = serializers.IntegerField()
    problems = serializers.IntegerField(help_text="parts of files that could not be read as they stand")
    mapping = MappingUsed(allow_null=True)
    claim = serializers.ChoiceField(choices=["truth", "predictions"], allow_null=True)
    owner = serializers.IntegerField(allow_null=True)
    organisation = serializers.IntegerField(allow_null=True)


class ToldOut(serializers.Serializer[Any]):
    where = serializers.CharField(help_text="line or path in the file")
    class_name = serializers.CharField(allow_null=True, help_text="as the file calls it")
    what = serializers.CharField()


class ImportItemOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    path = serializers.CharField()
    verdict = serializers.ChoiceField(choices=ImportItem.Verdict.choices)
    reason = serializers.CharField(allow_null=True)
    sha256 = serializers.CharField(allow_null=True)
    size = serializers.IntegerField(allow_null=True, help_text="bytes")
    media_id = serializers.IntegerField(allow_null=True)
    annotation_id = serializers.IntegerField(allow_null=True)
    regions_kept = serializers.IntegerField()
    regions_dropped = serializers.IntegerField()
    regions_refused = serializers.IntegerField()
    problems = serializers.IntegerField()
    told = ToldOut(many=True, help_text="what became of regions, the first hundred")


def import_row(run: ImportRun) -> dict[str, Any]:
    state, error = actions.state_of(run)
    return {
        "id": run.pk,
        "created_at": moment(run.created_at),
        "finished_at": moment(run.finished_at),
        "kind": run.kind,
        "source": run.source,
        "sha256": run.sha256 or None,
        "size": run.size,
        "state": state,
        "error": error or None,
        **{name: getattr(run, name) for name in (*COUNTS, *REGIONS)},
        "mapping": _mapping(run),
        "claim": run.options.get("claim") or None,
        "owner": run.owner_id,
        "organisation": run.organisation_id,
    }


def _mapping(run: ImportRun) -> dict[str, Any] | None:
    return run.mapping and {name: run.mapping[name] for name in ("name", "version", "rules", "on_unknown")}


class ImportViewSet(Methods, GenericViewSet[ImportRun]):
    """Many files at once."""

    queryset = ImportRun.objects.all()
    serializer_class = ImportOut
    lookup_field = "import_id"
    rights: ClassVar[dict[str, Right]] = {
        "create": Right.IMPORT,
        "retrieve": Right.READ,
        "items": Right.READ,
        "report": Right.READ,
    }
    refuses: ClassVar[dict[str, list[str]]] = {
        "create": ["409", "507"],
        "retrieve": ["404"],
        "items": ["404"],
        "report": ["404"],
    }

    def get_parsers(self) -> list[BaseParser]:
        """DRF asks before it has set `action`."""
        return [MultiPartParser()] if getattr(self.request, "method", "") == "POST" else [JsonParser()]

    def _run(self, request: Request, import_id: str) -> ImportRun:
        return find.import_run(row_id(import_id, "import_id"), access=asking(request))

    @extend_schema(
        request={"multipart/form-data": ImportIn},
        responses={202: ImportOut},
        parameters=[IDEMPOTENCY],
        tags=["imports"],
    )
    def create(self, request: Request) -> Response:
        """Send an archive of pictures, and of labels beside them, to be taken in.

        The answer comes when the archive is kept; ask for the import to see how far it is. An archive that is hostile
        or damaged is refused whole; a file that cannot be kept does not hinder the others.
        """
        no_unknown_parameters(request)
        received = receive(request, {"file": settings.IMPORT_MAX_BYTES}, fields=("sha256", "source"))
        spooled, source = received.spooled("file"), received.fields.get("source", "")
        given = receipt(request, spooled.sha256, received.fields)
        if answer := replayed(given):
            return answer
        name, by = received.files["file"].original_name, actor(request)
        return once(
            given,
            lambda keep: actions.start(spooled, name=name, source=source, by=by, keep=keep),
            show=import_row,
            status=202,
        )

    @extend_schema(responses=ImportOut, tags=["imports"])
    def retrieve(self, request: Request, import_id: str) -> Response:
        """Show how far an import is."""
        no_unknown_parameters(request)
        return Response(import_row(self._run(request, import_id)))

    @extend_schema(
        operation_id="imports_items_list",
        parameters=[PageQuery, VERDICT, LINK],
        responses=ImportItemOut(many=True),
        tags=["imports"],
    )
    def items(self, request: Request, import_id: str) -> Response:
        """List what became of the files of an import."""
        no_unknown_parameters(request, (*PARAMETERS, "verdict"))
        rows = self._run(request, import_id).items.all()
        if (verdict := request.query_params.get("verdict")) is not None:
            if verdict not in ImportItem.Verdict.values:
                raise Invalid(f"must be one of {', '.join(ImportItem.Verdict.values)}", "query", "verdict")
            rows = rows.filter(verdict=verdict)
        found, headers = page(rows.values(*ITEM_COLUMNS), request)
        return Response([_item(row) for row in found], headers=headers)

    @extend_schema(
        operation_id="imports_report", responses={(200, "text/csv; charset=utf-8"): OpenApiTypes.STR}, tags=["imports"]
    )
    def report(self, request: Request, import_id: str) -> StreamingHttpResponse:
        """Download what became of the files of an import, as CSV."""
        no_unknown_parameters(request)
        run = self._run(request, import_id)
        headers = {"Content-Disposition": f'attachment; filename="import-{run.pk}.csv"'}
        lines = actions.report(run)
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _item(row: dict[str, Any]) -> dict[str, Any]:
    told = [{"where": where, "class_name": class_ or None, "what": what} for where, class_, what in row["told"] or ()]
    return row | {"reason": row["reason"] or None, "sha256": row["sha256"] or None, "told": told}
