"""What was asked of an export of annotations."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Any

from accounts.actor import Actor
from accounts.refusals import Invalid
from curation.actions.meaning.asked import class_names
from curation.actions.meaning.rules import Rules, chosen
from curation.formats.table import FORMATS, Format
from curation.formats.writing import Options
from curation.models import Label
from curation.models.label import DROP, REFUSE

FIELDS = ("format", "mapping", "unmapped", "classes", "polygons")
NUMBERED = ("yolo", "coco")  # formats that count their classes
POLYGONS = ("refuse", "box")


@dataclass(frozen=True)
class Asked:
    """rules: applied backwards; None: codes as they are."""

    by: Actor
    format: Format
    rules: Rules | None
    options: Options

    @property
    def as_json(self) -> dict[str, Any]:
        """What the history keeps of it; of rules in full only those that stand nowhere else."""
        return {"format": self.format.name, "mapping": _kept(self.rules), "classes": _names(self.options)}


def asked(said: Map[str, str], *, by: Actor, names: Map[int, str] | None = None) -> Asked:
    """said: texts by the names of FIELDS, all but `format` optional. names: classes by number, instead of `classes`.

    Raises Invalid.
    """
    if "format" not in said:
        raise Invalid("field required", "body", "format", kind="value_error.missing")
    if said["format"] not in FORMATS:
        raise Invalid(f"must be one of {', '.join(sorted(FORMATS))}", "body", "format")
    format_ = FORMATS[said["format"]]
    polygons = said.get("polygons", "refuse")
    if polygons not in POLYGONS:
        raise Invalid(f"must be one of {', '.join(POLYGONS)}", "body", "polygons")
    rules = _rules(said.get("mapping", ""), said.get("unmapped", ""))
    names = names or class_names(said.get("classes", ""))
    if names and format_.name not in NUMBERED:
        raise Invalid(f"{format_.title} does not number its classes.", "body", "classes")
    if not names and format_.name == "yolo":
        names = dict(enumerate(classes_of(rules)))
    return Asked(by, format_, rules, Options(names=names, polygons="box" if polygons == "box" else "refuse"))


def _rules(mapping: str, unmapped: str) -> Rules | None:
    if mapping.strip():
        return chosen(mapping, unmapped, backwards=True)
    if unmapped:
        raise Invalid("Without a mapping there is nothing that it does not name.", "body", "unmapped")
    return None


def classes_of(rules: Rules | None) -> list[str]:
    """All classes that a mapping may make, in the order of their names; without one the codes, the oldest first.

    A format that counts needs a list that is the same tomorrow: stored mappings never change, new labels come last.
    """
    if rules is None:
        return list(Label.objects.order_by("pk").values_list("code", flat=True))
    return sorted(foreign for foreign, becomes in rules.rules.items() if becomes not in (DROP, REFUSE))


def _kept(rules: Rules | None) -> dict[str, Any] | None:
    if rules is None:
        return None
    said = rules.as_json
    return {name: said[name] for name in ("name", "version", "on_unknown", "digest")} if rules.name else said


def _names(options: Options) -> list[str] | None:
    return None if options.names is None else [name for _, name in sorted(options.names.items())]
