"""The words that the three Pyronear formats share: what a thing is, in their taxonomy.

A smoke is `smoke`, or `smoke:wildfire` with its type; what was mistaken for smoke is `false_positive`, or
`false_positive:antenna`; what nobody could tell is `uncertain`. `other` is a type of both, hence the first word.
Of several types of a false positive the first one makes the label, and all of them go along as an attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SMOKE: Final = "smoke"
FALSE_POSITIVE: Final = "false_positive"
UNCERTAIN: Final = "uncertain"
TYPES: Final = "false_positive_types"
MACHINE: Final = frozenset({"auto", "engine"})  # origins whose boxes nobody has looked at


def label_of(*, is_smoke: bool, smoke_type: Any, false_positive_types: Any) -> Any:
    """The label; a type that is no text comes back as it is, and is told as no label."""
    types = false_positive_types if isinstance(false_positive_types, list) else []
    kind, type_ = (SMOKE, smoke_type) if is_smoke else (FALSE_POSITIVE, types[0] if types else None)
    if not type_:
        return kind
    return f"{kind}:{type_}" if isinstance(type_, str) else type_


def several(types: Any) -> Mapping[str, Any]:
    """What goes along with the label: all types of a false positive, when they are more than one."""
    return {TYPES: types} if isinstance(types, list) and len(types) > 1 else {}


def typed(label: str) -> tuple[str, str | None]:
    """The two words of a label, of which the second may be missing."""
    kind, _, type_ = label.partition(":")
    return kind, type_ or None


def types_of(label: str, attributes: Mapping[str, Any]) -> list[str]:
    """Types of a false positive: all that came along, else the one of its label."""
    types = attributes.get(TYPES)
    if isinstance(types, list):
        return types
    kind, type_ = typed(label)
    return [type_] if kind == FALSE_POSITIVE and type_ else []


def without_types(box: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in box.items() if name != TYPES}
