"""One table of the source on its way into ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from django.db.models import Model

from curation.actions.adopting.files import File
from curation.actions.adopting.findings import Notes

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Judged(Generic[Row]):
    """A row of the source, and what becomes of it; None when it is left out."""

    row: Row | None
    notes: Notes
    file: File[Any] | None = None

    @property
    def objects(self) -> list[File[Any]]:
        return [self.file] if self.file and self.row is not None else []


class HasId(Protocol):
    @property
    def id(self) -> int: ...


Old = TypeVar("Old", bound=HasId)


class Step(Protocol[Old, Row]):
    table: str  # of the source
    left_out: set[int]  # ids of the source that have no row here

    def rows(self) -> Iterator[Old]:
        """All rows of the source by id. Raises SourceRefused."""

    def known(self, ids: list[int]) -> set[int]:
        """Those of `ids` that were taken over already."""

    def judge(self, olds: list[Old], *, read: bool) -> list[Judged[Row]]:
        """Decide on rows, reading their objects; writes nothing. Raises StoreError."""

    def write(self, judged: list[Judged[Row]]) -> None:
        """Write those that are not left out, with ledger and history, within a transaction of the caller."""
