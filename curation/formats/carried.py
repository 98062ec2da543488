"""Makes text and fields of strangers fit to be kept: in JSON, in a database, in an answer."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from curation.formats.refusals import TooComplex

UNFIT: Final = re.compile("[\0-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
INSTEAD: Final = "\ufffd"
TOO_DEEP: Final = "The file is nested too deep."


def clean(text: str) -> str:
    """Replace control characters, marks that turn the direction of writing, and halves of surrogate pairs."""
    return UNFIT.sub(INSTEAD, text)


def carried(fields: Mapping[str, Any], known: Iterable[str], *, depth: int, most: int) -> dict[str, Any] | None:
    """Pick the fields that are not `known`, made fit; None when they are more than `most` bytes of JSON.

    Raises TooComplex for more than `depth` levels.
    """
    rest = {clean(name): fit(value, depth) for name, value in fields.items() if name not in known}
    if rest and len(json.dumps(rest).encode()) > most:
        return None
    return rest


def fit(value: Any, depth: int) -> Any:
    """A value that comes back from any JSON store as it went in: whole floats are integers, NaN is null."""
    if depth <= 0:
        raise TooComplex(TOO_DEEP)
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return {clean(str(name)): fit(inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [fit(inner, depth - 1) for inner in value]
    return value


def _number(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else value
