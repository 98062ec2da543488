"""Files that are committed together, and apart when that fails: one that cannot be kept does not take others down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from django.db import IntegrityError

from accounts.refusals import Conflict
from curation.actions.importing.journal import Superseded
from curation.actions.objects import ATTEMPTS, ClaimLost

TOGETHER = 50  # files of one transaction


class _Refusable(Protocol):
    def refuse(self, reason: str) -> None: ...


File = TypeVar("File", bound=_Refusable)


def in_chunks(files: Sequence[File], commit: Callable[[Sequence[File]], None], *, together: int = TOGETHER) -> None:
    """Commit all of `files`, so many at a time. `commit` looks anew at what is there and keeps every verdict."""
    for start in range(0, len(files), together):
        chunk = files[start : start + together]
        try:
            commit(chunk)
        except Superseded:
            raise
        except (ClaimLost, Conflict, IntegrityError):
            for file in chunk:
                _alone(file, commit)


def _alone(file: File, commit: Callable[[Sequence[File]], None]) -> None:
    for _ in range(ATTEMPTS):
        try:
            return commit([file])
        except Superseded:
            raise
        except (ClaimLost, Conflict, IntegrityError):
            continue
    file.refuse("Others were at work on the same content; import it again.")
    return commit([file])
