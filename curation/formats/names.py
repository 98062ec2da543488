"""What the name of a picture says of it: when, by which camera, in which direction, in which sequence.

A registry of patterns, tried in order against `folder/stem`; the first that fits decides. Operators may add their own,
which come first. Texts are given back as they stand in the name; nothing is corrected.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from typing import Any, Final

LONGEST: Final = 200  # characters of a name that patterns are tried on
MOST_STEPS: Final = 2_000_000  # that a pattern may need for the worst of names: a tenth of a second
GROUPS: Final = frozenset({"source", "camera", "azimuth", "time", "epoch", "sequence"})
COLUMNS: Final = {"source": 100, "camera": 100, "sequence": 255}  # longest text that is kept
UNKNOWN_AZIMUTH: Final = 999
CONTAINERS: Final = frozenset({"images", "labels", "labels_ground_truth", "labels_predictions"})
KINDS: Final = frozenset({"wildfire", "fp"})  # their folders are sequences
ROBOFLOW: Final = re.compile(r"_(?:jpe?g|png)\.rf\.[0-9a-f]{32}$", re.IGNORECASE)
TIME: Final = r"(?P<time>[0-9]{4}[-_][0-9]{2}[-_][0-9]{2}T[0-9]{2}[-_][0-9]{2}[-_][0-9]{2})"
BEHIND_A_DASH: Final = r"(?P<azimuth>0|[1-9][0-9]{0,2})"  # hill-01 is a camera's number
BUILT_IN: Final = (  # with a slash: for the folder as well
    rf"(?P<source>[^_]+)_(?P<camera>[^_]+)_(?P<azimuth>[0-9]{{1,3}})_{TIME}",
    rf"(?P<source>[Pp]yronear_[^_]+)_(?P<camera>[^_]+)-{BEHIND_A_DASH}_{TIME}",
    rf"(?P<source>[^_]+)_(?P<camera>[^_]+)-{BEHIND_A_DASH}_{TIME}",
    rf"(?P<camera>[^_]+)_(?P<azimuth>[0-9]{{1,3}})_{TIME}",
    rf"(?P<source>[Pp]yronear)_(?P<camera>.+)[_-](?P<azimuth>[0-9]{{1,3}})_{TIME}",
    rf"(?P<source>[^_]+)_(?P<camera>.+)_{TIME}",
    rf"(?P<camera>[^_]+)_{TIME}",
    r"(?P<sequence>[0-9]{8}_[^/]+_(?P<camera>[^_/]+))/(?P<epoch>[0-9]{9,10})_[+-][0-9]{5}",  # FIgLib
)


class BadPattern(ValueError):
    """A pattern that cannot be used; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a name says. Times are UTC, azimuth is 0 to 359 degrees; "" and None: it does not say."""

    fits: bool  # whether any pattern did
    source: str = ""
    camera: str = ""
    azimuth: int | None = None
    captured_at: datetime | None = None
    sequence: str = ""
    note: str = ""  # what is odd, as a sentence


def read(path: str, extra: Sequence[str] = ()) -> Named:
    """What the name of the file at `path` (parts separated by /) says.

    extra: patterns of the operator, as `compiled` takes them; tried before the built-in ones.
    """
    *folders, name = path.split("/")
    stem = ROBOFLOW.sub("", name.rpartition(".")[0] or name)
    folder = _folder(folders)
    for pattern in (*_all(tuple(extra)), *_all(BUILT_IN)):
        subject = f"{folder}/{stem}" if "/" in pattern.pattern else stem
        if len(subject) <= LONGEST and (found := pattern.fullmatch(subject)):
            said = _said({group: text for group, text in found.groupdict().items() if text})
            return said if said.sequence else replace(said, sequence=_sequence(folders))
    return Named(fits=False, sequence=_sequence(folders), note="Its name fits no pattern.")


@cache
def _all(texts: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(map(re.compile, texts))


def _folder(folders: list[str]) -> str:
    """The nearest folder that is more than a container of pictures or labels."""
    return next((folder for folder in reversed(folders) if folder.lower() not in CONTAINERS), "")


def _sequence(folders: list[str]) -> str:
    """The folder of a sequence: named after its first frame, or a folder of wildfires or false alarms."""
    named = [folder for folder in folders if folder.lower() not in CONTAINERS]
    if not named or len(named[-1]) > LONGEST:
        return ""
    is_one = any(pattern.fullmatch(named[-1]) for pattern in _all(BUILT_IN) if "epoch" not in pattern.groupindex)
    return named[-1] if is_one or (named[-2:-1] and named[-2].lower() in KINDS) else ""


def _said(groups: dict[str, str]) -> Named:
    notes: list[str] = []
    return Named(
        fits=True,
        source=_text(groups, "source", notes),
        camera=_text(groups, "camera", notes),
        azimuth=_azimuth(groups["azimuth"], notes) if "azimuth" in groups else None,
        captured_at=_moment(groups, notes),
        sequence=_text(groups, "sequence", notes),
        note=" ".join(notes),
    )


def _text(groups: dict[str, str], column: str, notes: list[str]) -> str:
    text, longest = groups.get(column, ""), COLUMNS[column]
    if len(text) <= longest:
        return text
    notes.append(f"The {column} in its name is longer than {longest} characters.")
    return ""


def _azimuth(text: str, notes: list[str]) -> int | None:
    """360 is 0; 999 means unknown."""
    azimuth = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if azimuth == UNKNOWN_AZIMUTH:
        return None
    if not 0 <= azimuth <= 360:
        notes.append(f"The azimuth {text[:20]} in its name is no direction.")
        return None
    return azimuth % 360


def _moment(groups: dict[str, str], notes: list[str]) -> datetime | None:
    """The time in a name, which is taken for UTC."""
    text = groups.get("epoch") or groups.get("time")
    if text is None:
        return None
    try:
        if "epoch" in groups:
            return datetime.fromtimestamp(int(text), UTC)
        year, month, day, *clock = (int(number) for number in re.findall(r"^[0-9]{4}|[0-9]{2}", text))
        hour, minute, second = clock
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        notes.append(f"The time {text[:40]} in its name is none.")
        return None


# --- Patterns of the operator ----------------------------------------------------------------------


def check(texts: Iterable[str]) -> None:
    """Raise BadPattern for the first of `texts` that cannot be used, or that could take for ever on some name."""
    for text in texts:
        _check(text)


def _check(text: str) -> None:
    try:
        pattern, tree = re.compile(text), _parse(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadPattern(f"is no regular expression: {error}") from error
    if unknown := set(pattern.groupindex) - GROUPS:
        raise BadPattern(f"names a group {min(unknown)!r}; known are {', '.join(sorted(GROUPS))}")
    if not pattern.groupindex:
        raise BadPattern(f"names no group; known are {', '.join(sorted(GROUPS))}")
    steps, repeats = _steps(tree)
    if steps / math.factorial(repeats) > MOST_STEPS:
        raise BadPattern("could take for ever on some name: it repeats too much; write [^_]++ instead of .+")


def _parse(text: str) -> Any:
    """The syntax tree of a pattern, as Python's own compiler sees it."""
    return import_module("re._parser").parse(text)


def _steps(tree: Any) -> tuple[int, int]:
    """Ways in which a tree may be tried on a name of LONGEST characters, and how many repeats there are in it."""
    steps, repeats = 1, 0
    for operation, value in tree:
        ways, inside = _ways(str(operation), value)
        steps, repeats = steps * ways, repeats + inside
    return steps, repeats


def _ways(operation: str, value: Any) -> tuple[int, int]:
    match operation:
        case "MAX_REPEAT" | "MIN_REPEAT":
            return _repeated(*value)
        case "POSSESSIVE_REPEAT":
            return _steps(value[2])
        case "SUBPATTERN":
            return _steps(value[-1])
        case "ATOMIC_GROUP":
            return _steps(value)
        case "BRANCH":
            found = [_steps(branch) for branch in value[1]]
            return sum(steps for steps, _ in found), max(repeats for _, repeats in found)
        case "GROUPREF" | "GROUPREF_EXISTS" | "ASSERT" | "ASSERT_NOT":
            raise BadPattern("looks around or back, which names do not need")
    return 1, 0


def _repeated(least: int, most: int, tree: Any) -> tuple[int, int]:
    steps, repeats = _steps(tree)
    if most <= 1:
        return 1 + steps, repeats
    if steps > 1:
        raise BadPattern("could take for ever on some name: it repeats what repeats, or what has alternatives")
    times = min(int(most), LONGEST) - least + 1
    return max(1, times), int(times > 1)
