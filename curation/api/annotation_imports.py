"""REST: files of labels taken in as a whole, by a mapping of their classes."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.refusals import Invalid
from accounts.rest.methods import Methods
from accounts.rest.requests import actor, no_unknown_parameters
from accounts.scopes import Right
from curation.actions import annotation_imports as actions
from curation.actions.meaning.asked import Asked, Claim, claimed, class_names, model
from curation.actions.meaning.rules import OF_OTHERS, chosen
from curation.api.bodies import receive
from curation.api.imports import ImportOut, import_row
from curation.api.media import IDEMPOTENCY
from curation.api.once import once, receipt, replayed
from curation.api.serializers import DIGEST

FIELDS = ("sha256", "mapping", "unmapped", "claim", "classes", "model")
LONGEST_FIELD = 100_000  # characters


class AnnotationImportIn(serializers.Serializer[Any]):
    file = serializers.FileField(
        help_text="COCO, Label Studio, manifest.jsonl, CSV; YOLO, VOC, sequences in a .zip, .tar or .tar.gz"
    )
    mapping = serializers.CharField(help_text="smoke=smoke,Fire=drop,default=refuse; or NAME or NAME@VERSION of one")
    unmapped = serializers.ChoiceField(
        choices=list(OF_OTHERS), required=False, help_text="what becomes of classes without a rule (refuse)"
    )
    claim = serializers.ChoiceField(
        choices=[Claim.TRUTH.value, Claim.PREDICTIONS.value],
        required=False,
        help_text="what the file is; left out: what it says itself, and never truth",
    )
    classes = serializers.CharField(
        required=False, help_text="names of the classes 0, 1, ... with commas between, for files that only count"
    )
    model = serializers.CharField(required=False, help_text="NAME or NAME@VERSION, for predictions")
    sha256 = serializers.RegexField(DIGEST, required=False, help_text="declared digest of `file`")


def asked_of(fields: dict[str, str], by: Any) -> Asked:
    """Raises Invalid."""
    if "mapping" not in fields:
        raise Invalid("field required", "body", "mapping", kind="value_error.missing")
    for name, text in fields.items():
        if len(text) > LONGEST_FIELD:
            raise Invalid(f"has more than {LONGEST_FIELD} characters", "body", name)
    name, version = model(fields.get("model", ""))
    return Asked(
        by,
        chosen(fields["mapping"], fields.get("unmapped", "")),
        claimed(fields.get("claim", "")),
        names=class_names(fields.get("classes", "")),
        model_name=name,
        model_version=version,
    )


class AnnotationImportsView(Methods, APIView):
    """Meaning for many pictures at once."""

    rights: ClassVar[dict[str, Right]] = {"post": Right.IMPORT}
    refuses: ClassVar[dict[str, list[str]]] = {"post": ["409", "507"]}
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="annotation_imports_create",
        request={"multipart/form-data": AnnotationImportIn},
        responses={202: ImportOut},
        parameters=[IDEMPOTENCY],
        tags=["imports"],
    )
    def post(self, request: Request) -> Response:
        """Send a file of labels, or an archive of such, to be given a meaning.

        The answer comes when the file is kept; ask for the import to see how far it is, and for its report to see what
        was dropped, refused, or fits no media. The same file again changes nothing; another mapping makes the next
        revision of the same layers.
        """
        no_unknown_parameters(request)
        received = receive(request, {"file": settings.IMPORT_MAX_BYTES}, fields=FIELDS)
        spooled, by = received.spooled("file"), actor(request)
        given = receipt(request, spooled.sha256, received.fields)
        if answer := replayed(given):
            return answer
        asked = asked_of(received.fields, by)
        name = received.files["file"].original_name
        return once(
            given,
            lambda keep: actions.start(spooled, name=name, asked=asked, keep=keep),
            show=import_row,
            status=202,
        )
