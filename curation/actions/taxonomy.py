"""Name what regions show. Each change of a label appends a version of the whole list; mappings are only added."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Map
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from accounts.actions.audit import record
from accounts.actor import Actor
from accounts.refusals import Conflict, Invalid
from curation.models import Label, Mapping, TaxonomyVersion
from curation.models.label import DROP, REFUSE

CODE = re.compile(r"[a-z][a-z0-9_]{0,49}")
COLOUR = re.compile(r"#[0-9a-f]{6}")
MAPPING_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}")
LONGEST_NAME = 100  # characters of a label in one language
LONGEST_CLASS = 200  # characters of a class elsewhere
LABELS_MAX = 1000
RULES_MAX = 1000
FASTER = "Somebody else changed the taxonomy a moment ago; look again."


@dataclass(frozen=True, slots=True)
class Described:
    """What may be changed of a label. colour: "#rrggbb"."""

    name_en: str
    name_fr: str
    name_es: str
    colour: str
    parent: Label | None = None


def described(label: Label) -> Described:
    """A label as it stands."""
    return Described(label.name_en, label.name_fr, label.name_es, label.colour, label.parent)


def add(code: str, kind: str, what: Described, *, by: Actor) -> Label:
    """Raises Invalid, Conflict for a code that there is already."""
    if not CODE.fullmatch(code) or code in (DROP, REFUSE):
        raise Invalid("A code is 1 to 50 of a-z, 0-9 and _, begins with a letter, and is no verdict.", "body", "code")
    if kind not in Label.Kind.values:
        raise Invalid("The kind is smoke, false_positive or other.", "body", "kind")
    _check(what, kind)
    label = Label(code=code, kind=kind, **_columns(what))
    if Label.objects.filter(code=code).exists():
        raise Conflict(f"There is a label {code} already.")
    with _changing():
        if Label.objects.count() >= LABELS_MAX:
            raise Conflict(f"There are {LABELS_MAX} labels already.")
        label.save()
        _append_version(by)
        record("label.create", label, by=by, after={"code": code, "kind": kind} | _told(what))
    return label


def rename(label: Label, what: Described, *, by: Actor) -> Label:
    """Change the names, the colour or the parent; the code stays. The same again changes nothing.

    Raises Invalid, Conflict.
    """
    before = described(label)
    if what == before:
        return label
    _check(what, label.kind, of=label)
    was, becomes = _told(before), _told(what)
    changed = {name for name in becomes if was[name] != becomes[name]}
    return _change(
        label,
        _columns(what),
        action="label.rename",
        before={name: was[name] for name in sorted(changed)},
        after={name: becomes[name] for name in sorted(changed)},
        by=by,
    )


def retire(label: Label, *, by: Actor) -> Label:
    """Keep the label from new regions and mappings; those that have it keep it. Raises Conflict."""
    if label.retired_at is not None:
        return label
    now = timezone.now()
    return _change(label, {"retired_at": now}, action="label.retire", before={}, after={"retired": True}, by=by)


def bring_back(label: Label, *, by: Actor) -> Label:
    """End the retirement of a label. Raises Conflict."""
    if label.retired_at is None:
        return label
    return _change(label, {"retired_at": None}, action="label.retire", before={}, after={"retired": False}, by=by)


def _change(
    label: Label, columns: dict[str, Any], *, action: str, before: dict[str, Any], after: dict[str, Any], by: Actor
) -> Label:
    changed = columns | {"version": label.version + 1, "updated_at": timezone.now()}
    with _changing():
        if not Label.objects.filter(pk=label.pk, version=label.version).update(**changed):
            raise Conflict(FASTER)
        _append_version(by)
        record(action, label, by=by, before=before or None, after=after)
    label.refresh_from_db()
    return label


@contextmanager
def _changing() -> Iterator[None]:
    """A transaction whose version number another one may take first."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise Conflict(FASTER) from error


def _append_version(by: Actor) -> None:
    """The number is read before the labels: a change that comes between takes the same number, and one of both ends."""
    number = (TaxonomyVersion.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    TaxonomyVersion.objects.create(number=number, labels=labels_now(), author=by.access, author_login=by.login)


def labels_now() -> list[dict[str, Any]]:
    """All labels as a version keeps them, by code."""
    rows = Label.objects.select_related("parent").order_by("code")
    return [
        {
            "code": label.code,
            "kind": label.kind,
            "names": {"en": label.name_en, "fr": label.name_fr, "es": label.name_es},
            "colour": label.colour,
            "parent": label.parent.code if label.parent else None,
            "retired": label.retired_at is not None,
        }
        for label in rows
    ]


def _columns(what: Described) -> dict[str, Any]:
    return {name: getattr(what, name) for name in what.__dataclass_fields__}


def _told(what: Described) -> dict[str, Any]:
    return _columns(what) | {"parent": what.parent.code if what.parent else None}


def _check(what: Described, kind: str, *, of: Label | None = None) -> None:
    for language in ("en", "fr", "es"):
        name = getattr(what, f"name_{language}")
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise Invalid(f"A name has 1 to {LONGEST_NAME} characters.", "body", f"name_{language}")
    if not COLOUR.fullmatch(what.colour):
        raise Invalid("A colour is written #rrggbb, in lower case.", "body", "colour")
    if what.parent is not None:
        _check_parent(what.parent, kind, of)


def _check_parent(parent: Label, kind: str, of: Label | None) -> None:
    """Two levels, of one kind: a parent has none itself, and whoever has children gets none."""
    if parent.kind != kind:
        raise Invalid("A parent is of the same kind.", "body", "parent")
    if parent == of or parent.parent_id is not None or (of is not None and of.children.exists()):
        raise Invalid("A parent has no parent itself.", "body", "parent")


# --- Mappings --------------------------------------------------------------------------------------


def new_mapping(name: str, rules: Map[str, str], on_unknown: str, *, by: Actor) -> Mapping:
    """Append a version of the mapping `name`; the same rules as its last one change nothing.

    rules: class elsewhere -> code, "drop" or "refuse". Raises Invalid, Conflict.
    """
    _check_mapping(name, rules, on_unknown)
    last: Mapping | None = Mapping.objects.filter(name=name).order_by("-version").first()
    if last is not None and (last.rules, last.on_unknown) == (dict(rules), on_unknown):
        return last
    mapping = Mapping(
        name=name, version=last.version + 1 if last else 1, rules=dict(rules), on_unknown=on_unknown,
        author=by.access, author_login=by.login,
    )  # fmt: skip
    try:
        with transaction.atomic():
            mapping.save()
            record("mapping.create", mapping, by=by, after={"name": name, "version": mapping.version})
    except IntegrityError as error:
        raise Conflict("Somebody else changed this mapping a moment ago; look again.") from error
    return mapping


def _check_mapping(name: str, rules: Map[str, str], on_unknown: str) -> None:
    if not MAPPING_NAME.fullmatch(name):
        raise Invalid("A name is 1 to 100 letters, digits, blanks, dots and dashes.", "body", "name")
    if on_unknown not in Mapping.OnUnknown.values:
        raise Invalid("What has no rule is refused, dropped or listed.", "body", "on_unknown")
    if not 1 <= len(rules) <= RULES_MAX:
        raise Invalid(f"A mapping has 1 to {RULES_MAX} rules.", "body", "rules")
    codes = set(Label.objects.filter(retired_at=None).values_list("code", flat=True)) | {DROP, REFUSE}
    for foreign, becomes in rules.items():
        if not 1 <= len(foreign) <= LONGEST_CLASS or not foreign.isprintable():
            raise Invalid(f"A class has 1 to {LONGEST_CLASS} printable characters.", "body", "rules")
        if becomes not in codes:
            raise Invalid(f"{foreign}: there is no living label {str(becomes)[:50]}.", "body", "rules", foreign)
