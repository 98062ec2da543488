"""What regions may be called, and what classes from elsewhere become. For curators."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin.base import ActionForm, Page, actor
from accounts.admin.fields import when
from accounts.admin.lists import choice_filter
from accounts.refusals import Conflict, Invalid
from curation.actions import taxonomy as actions
from curation.models import Label, Mapping, TaxonomyVersion

NAMES = ("name_en", "name_fr", "name_es", "colour", "parent")


def _name(language: str) -> forms.CharField:
    return forms.CharField(label=f"Name in {language}", max_length=actions.LONGEST_NAME)


class LabelForm(ActionForm):
    """`seen` is the version that was looked at: who is late is told."""

    name_en, name_fr, name_es = _name("English"), _name("French"), _name("Spanish")
    colour = forms.CharField(widget=forms.TextInput(attrs={"type": "color"}))
    parent = forms.ModelChoiceField(Label.objects.filter(parent=None).order_by("code"), required=False)
    retired = forms.BooleanField(required=False, help_text="Not given to new regions; those that have it keep it.")
    seen = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = self.instance.version
        self.initial["retired"] = self.instance.retired_at is not None


class NewLabelForm(ActionForm):
    code = forms.CharField(max_length=50, help_text="a-z, 0-9 and _; it never changes.")
    kind = forms.ChoiceField(choices=Label.Kind.choices)
    name_en, name_fr, name_es = _name("English"), _name("French"), _name("Spanish")
    colour = forms.CharField(widget=forms.TextInput(attrs={"type": "color"}), initial="#d1495b")
    parent = forms.ModelChoiceField(Label.objects.filter(parent=None).order_by("code"), required=False)


def _described(form: Any) -> actions.Described:
    return actions.Described(**{name: form.cleaned_data[name] for name in NAMES})


@admin.register(Label)
class LabelAdmin(Page):
    """Added, named and retired here; never deleted, because regions and history say their codes."""

    form, add_form = LabelForm, NewLabelForm
    list_display = ("code", "kind", "name_en", "shown_colour", "parent", when("retired_at"))
    list_filter = (choice_filter("kind", Label.Kind.choices),)
    list_select_related = ("parent",)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": ("code", "kind", *NAMES)})]
        changed = (*NAMES, "retired", "seen") if self.has_change_permission(request, obj) else NAMES
        return [(None, {"fields": ("code", "kind", *changed)})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("code", "kind") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="colour")
    def shown_colour(self, label: Label) -> SafeString:
        """A swatch without a style attribute, which the policy of the page would refuse."""
        swatch = '<svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" fill="{0}"/></svg> {0}'
        return format_html(swatch, label.colour)

    def perform(self, request: HttpRequest, row: Label | None, form: Any) -> Label:
        by = actor(request)
        if row is None:
            return actions.add(form.cleaned_data["code"], form.cleaned_data["kind"], _described(form), by=by)
        if form.cleaned_data["seen"] not in (None, row.version):
            raise Conflict(actions.FASTER)
        row = actions.rename(row, _described(form), by=by)
        return actions.retire(row, by=by) if form.cleaned_data["retired"] else actions.bring_back(row, by=by)


@admin.register(TaxonomyVersion)
class TaxonomyVersionAdmin(Page):
    """All labels as they were after each change."""

    list_display = ("__str__", "author_login", when("created_at"))
    fields = ("number", "author_login", when("created_at"), "codes")
    readonly_fields = fields

    @admin.display(description="labels")
    def codes(self, version: TaxonomyVersion) -> SafeString:
        rows = [
            (row["code"], row["names"]["en"], row["kind"].replace("_", " "), ", retired" if row["retired"] else "")
            for row in version.labels
        ]
        return format_html("<ul>{}</ul>", format_html_join("", "<li><code>{}</code> {} ({}{})</li>", rows))


class MappingForm(ActionForm):
    """A mapping is written as lines, for it is copied out of the file that names the classes."""

    name = forms.CharField(max_length=100, help_text="The name of one that there is makes its next version.")
    lines = forms.CharField(
        label="Rules",
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"}),
        help_text="One on each line: class = code, class = drop, or class = refuse.",
    )
    on_unknown = forms.ChoiceField(label="A class without a rule", choices=Mapping.OnUnknown.choices)


def rules_of(lines: str) -> dict[str, str]:
    """The rules that were written. Raises Invalid for a line that is none, and for a class with two rules."""
    rules: dict[str, str] = {}
    for number, line in enumerate(lines.splitlines(), start=1):
        if not line.strip():
            continue
        foreign, equals, becomes = (part.strip() for part in line.rpartition("="))
        if not equals or not foreign or not becomes:
            raise Invalid(f"Line {number} is not written class = code.", "body", "lines")
        if rules.setdefault(foreign, becomes) != becomes:
            raise Invalid(f"Line {number} gives {foreign} a second rule.", "body", "lines")
    return rules


@admin.register(Mapping)
class MappingAdmin(Page):
    """Added here, version by version; none is ever changed."""

    add_form = MappingForm
    list_display = ("__str__", "name", "version", "on_unknown", "author_login", when("created_at"))
    fields = ("name", "version", "rules_shown", "on_unknown", "author_login", when("created_at"))
    readonly_fields = fields

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [(None, {"fields": self.fields if obj else ("name", "lines", "on_unknown")})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="rules")
    def rules_shown(self, mapping: Mapping) -> SafeString:
        rows = sorted(mapping.rules.items())
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{} = <code>{}</code></li>", rows))

    def perform(self, request: HttpRequest, row: Mapping | None, form: Any) -> Mapping:
        if row is not None:
            raise PermissionDenied
        told = form.cleaned_data
        try:
            return actions.new_mapping(told["name"], rules_of(told["lines"]), told["on_unknown"], by=actor(request))
        except Invalid as refusal:
            place = "lines" if "rules" in refusal.where else str(refusal.where[-1])
            raise Invalid(str(refusal), "body", place) from refusal
