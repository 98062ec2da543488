"""How commands begin and end that try many rows one after the other."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import TypeVar

from django.core.management.base import CommandError, OutputWrapper
from django.db import Error

from curation.actions.derive import Progress, no_progress
from curation.actions.trying import Failures
from curation.management.progress import Line

SHOWN = 20  # failures, in words

Tally = TypeVar("Tally", bound=Failures)


def at_most(limit: int | None, what: str) -> None:
    """Refuse a limit of nothing."""
    if limit is not None and limit < 1:
        raise CommandError(f"--limit is a number of {what}, at least 1.", returncode=2)


def tried(work: Callable[[Progress], Tally], stderr: OutputWrapper) -> Tally:
    """What the work did, while a line on a terminal says how far it is."""
    with Line(stderr) as line:
        try:
            return work(line.show if line.is_watched else no_progress)
        except Error as error:
            raise CommandError("The database does not answer; what was done is kept.", returncode=2) from error


def end(tally: Failures, words: str, what: str, stdout: OutputWrapper, *, as_json: bool) -> None:
    """Tell what was done, `words` last or everything as JSON; what: the rows, as people call them."""
    told = [f"{what} {row}: {why}" for row, why in list(tally.failures.items())[:SHOWN]]
    stdout.write(json.dumps(dataclasses.asdict(tally)) if as_json else "\n".join([*told, words]))
    if tally.gave_up:
        raise CommandError("The store does not answer; run it again later.", returncode=2)
    if tally.failed:
        plural = what if what == "media" else f"{what}s"
        raise CommandError(f"{tally.failed} {plural} could not be read.", returncode=1)
