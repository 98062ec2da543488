"""What classes of a file become: a stored mapping, or rules that were written beside the file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from accounts.refusals import Invalid
from curation.actions.taxonomy import LONGEST_CLASS, RULES_MAX
from curation.models import Label, Mapping
from curation.models.label import DROP, LIST, REFUSE

NAMED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9 ._-]{0,99})(?:@(?P<version>[0-9]{1,6}))?")
OTHERS = "default"  # stands for every class that is not named
OF_OTHERS = {"refuse": REFUSE, "drop": DROP, "keep": LIST}
HOW = "Write class=code, class=drop or class=refuse with commas between, or the name of a mapping."


@dataclass(frozen=True)
class Rules:
    """rules: class elsewhere -> code, DROP or REFUSE. on_unknown: what becomes of the others. name "": written here."""

    rules: Map[str, str]
    on_unknown: str = REFUSE
    name: str = ""
    version: int | None = None

    def verdict(self, foreign: str) -> str:
        """A code, or DROP, REFUSE, LIST. A class without a name has no rule."""
        return self.rules.get(foreign, self.on_unknown) if foreign else self.on_unknown

    @property
    def as_json(self) -> dict[str, Any]:
        """What a run and a revision keep of it."""
        said = {"rules": dict(self.rules), "on_unknown": self.on_unknown}
        return {"name": self.name, "version": self.version, **said, "digest": self.digest}

    @property
    def digest(self) -> str:
        """The same for rules that say the same, whatever they are called: 32 hex digits."""
        said = json.dumps([sorted(self.rules.items()), self.on_unknown]).encode()
        return hashlib.sha256(said).hexdigest()[:32]


def from_json(kept: Map[str, Any]) -> Rules:
    """What `as_json` said."""
    return Rules(kept["rules"], kept["on_unknown"], kept["name"], kept["version"])


def chosen(text: str, unmapped: str = "", *, backwards: bool = False) -> Rules:
    """What somebody wrote: rules, or NAME or NAME@VERSION of a stored mapping. unmapped: refuse, drop, keep, or "".

    `default=refuse` (drop, keep) speaks for every class that is not named, one called default among them. Where
    `unmapped` says what becomes of those, `default` is a class like any other. backwards: regions go out by it, so
    that retired labels may stand in it.
    Raises Invalid: for what is neither, for a code that is no living label, for a mapping that is not there.
    """
    if unmapped and unmapped not in OF_OTHERS:
        raise Invalid("What is not named is refused, dropped or kept.", "body", "unmapped")
    rules = _written(text, unmapped) if "=" in text else _stored(text.strip())
    if unmapped:
        rules = Rules(rules.rules, OF_OTHERS[unmapped], rules.name, rules.version)
    check(rules, Label.objects.all() if backwards else Label.objects.filter(retired_at=None))
    return rules


def _stored(text: str) -> Rules:
    asked = NAMED.fullmatch(text)
    if asked is None:
        raise Invalid(HOW, "body", "mapping")
    rows = Mapping.objects.filter(name=asked["name"]).order_by("-version")
    if asked["version"]:
        rows = rows.filter(version=int(asked["version"]))
    mapping: Mapping | None = rows.first()
    if mapping is None:
        raise Invalid(f"There is no mapping {text}. {HOW}", "body", "mapping")
    return of_mapping(mapping)


def of_mapping(mapping: Mapping) -> Rules:
    """The rules of a stored mapping."""
    return Rules(mapping.rules, mapping.on_unknown, mapping.name, mapping.version)


def _written(text: str, unmapped: str) -> Rules:
    rules: dict[str, str] = {}
    for part in filter(str.strip, text.replace("\n", ",").split(",")):
        foreign, equals, becomes = (word.strip() for word in part.rpartition("="))
        if not (foreign and equals and becomes):
            raise Invalid(f"{part.strip()[:100]!r} is no rule. {HOW}", "body", "mapping")
        if rules.setdefault(foreign, becomes) != becomes:
            raise Invalid(f"{foreign[:100]} has two rules.", "body", "mapping")
    if not unmapped and rules.get(OTHERS) in OF_OTHERS:
        return Rules(rules, OF_OTHERS[rules.pop(OTHERS)])
    return Rules(rules)


def check(rules: Rules, labels: QuerySet[Label]) -> None:
    """Raise Invalid for rules that nobody could follow, and for codes that are none of the labels."""
    if len(rules.rules) > RULES_MAX:
        raise Invalid(f"A mapping has at most {RULES_MAX} rules.", "body", "mapping")
    codes = set(labels.values_list("code", flat=True)) | {DROP, REFUSE}
    for foreign, becomes in rules.rules.items():
        if len(foreign) > LONGEST_CLASS or not foreign.isprintable():
            raise Invalid(f"A class has at most {LONGEST_CLASS} printable characters.", "body", "mapping")
        if becomes not in codes:
            raise Invalid(f"{foreign}: there is no living label {becomes[:50]}.", "body", "mapping")
