"""Files of labels that are uploaded and given a meaning, and what became of each picture."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.actor import Actor
from accounts.admin.base import ActionForm, actor
from accounts.admin.fields import when
from accounts.refusals import Invalid
from curation.actions import annotation_imports
from curation.actions.meaning.asked import Asked, claimed, class_names, model
from curation.actions.meaning.rules import chosen
from curation.admin.imports import RunPage
from curation.admin.uploads import UploadField, spooled_of
from curation.models import AnnotationImport, ImportRun, Mapping

MAPPINGS_OFFERED = 200  # the newest ones; the others are named


class MeaningForm(ActionForm):
    upload = UploadField(
        required=False,
        label="File or archive",
        help_text="COCO, Label Studio, manifest.jsonl or CSV; YOLO, VOC, sequences in a .zip, .tar or .tar.gz.",
    )
    stored = forms.ChoiceField(required=False, label="Mapping")
    mapping = forms.CharField(
        required=False,
        label="Or rules",
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text="One on each line: class = code, class = drop, or class = refuse. Or NAME@VERSION of a mapping.",
    )
    unmapped = forms.ChoiceField(
        required=False,
        label="A class without a rule",
        choices=[
            ("", "as the mapping says, else refused"),
            ("refuse", "is refused, and listed"),
            ("drop", "is dropped"),
            ("keep", "is kept without a label, and listed"),
        ],
    )
    claim = forms.ChoiceField(
        required=False,
        label="The file is",
        choices=[
            ("", "what it says itself, never truth"),
            ("truth", "truth"),
            ("predictions", "a model's predictions"),
        ],
    )
    classes = forms.CharField(
        required=False,
        label="Names of classes",
        max_length=100_000,
        help_text="0, 1, 2 ... with commas between, for files that only count and have no data.yaml beside them.",
    )
    model = forms.CharField(
        required=False, max_length=201, help_text="Whose predictions they are: NAME, or NAME@VERSION."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["stored"].choices = [("", "–"), *_offered()]  # type: ignore[attr-defined]


def _offered() -> list[tuple[str, str]]:
    """The last version of each mapping, the newest first."""
    last: dict[str, int] = {}
    for name, version in Mapping.objects.order_by("-id").values_list("name", "version")[:MAPPINGS_OFFERED]:
        last.setdefault(name, version)
    return [(f"{name}@{version}", f"{name}, version {version}") for name, version in last.items()]


@admin.register(AnnotationImport)
class AnnotationImportAdmin(RunPage):
    """What files say of media that are here."""

    add_form = MeaningForm
    kind = ImportRun.Kind.ANNOTATIONS
    counts = (
        "seen", "created", "changed", "unchanged", "refused", "not_found", "skipped",
        "regions_kept", "regions_dropped", "regions_refused", "problems",
    )  # fmt: skip
    list_display = (
        "__str__", "source", "shown_state", "regions_kept", "regions_dropped", "regions_refused", "not_found",
        when("created_at"),
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = (
        "source", "mapping_in_words", "claim", "owner", "organisation", "sha256", "size_in_words", when("created_at"),
        when("finished_at"),
    )  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        asked = ("upload", "stored", "mapping", "unmapped", "claim", "classes", "model")
        return [(None, {"fields": self.kept if obj else asked})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.kept if obj else ()

    @admin.display(description="mapping")
    def mapping_in_words(self, run: ImportRun) -> SafeString:
        used = run.mapping or {}
        name = f"{used['name']}, version {used['version']}" if used.get("name") else "rules that came with the file"
        rules = sorted(used.get("rules", {}).items())
        others = [("every other class", used.get("on_unknown", ""))]
        rows = format_html_join("", "<li>{} = <code>{}</code></li>", [*rules, *others])
        return format_html("<ul><li>{}</li>{}</ul>", name, rows)

    @admin.display(description="imported as")
    def claim(self, run: ImportRun) -> str:
        return run.options.get("claim") or "what the file says, not truth"

    def perform(self, request: HttpRequest, row: ImportRun | None, form: Any) -> ImportRun:
        spooled, told = spooled_of(form), form.cleaned_data
        if row is not None:
            raise PermissionDenied
        if spooled is None:
            raise Invalid("Choose a file.", "body", "upload")
        return annotation_imports.start(spooled, name=told["upload"].original_name, asked=_asked(told, actor(request)))


def _asked(told: dict[str, Any], by: Actor) -> Asked:
    """Raises Invalid."""
    if bool(told["stored"]) == bool(told["mapping"].strip()):
        raise Invalid("Choose a mapping or write rules, one of both.", "body", "mapping")
    name, version = model(told["model"])
    return Asked(
        by,
        chosen(told["stored"] or told["mapping"], told["unmapped"]),
        claimed(told["claim"]),
        names=class_names(told["classes"]),
        model_name=name,
        model_version=version,
    )
