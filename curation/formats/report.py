"""Counts what was read of a file, for the row that keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from curation.formats.limits import LIMITS
from curation.formats.regions import Classes, Item, Parsed, Problem


@dataclass(slots=True)
class Report:
    """format, version: what was read, and by which reading of ours; a higher version may read the same file better."""

    format: str
    version: int
    pictures: int = 0
    regions: int = 0
    predictions: int = 0  # of the regions
    problems_count: int = 0
    problems: list[Problem] = field(default_factory=list)  # the first ones
    names: dict[int, str] = field(default_factory=dict)  # the file's own classes

    @property
    def is_prediction(self) -> bool:
        """Whether any region is a model's: such a file is never truth as a whole."""
        return self.predictions > 0

    def of(self, items: Iterable[Item]) -> Iterator[Item]:
        """Pass the items on, and count them."""
        for item in items:
            if isinstance(item, Parsed):
                self._count(item)
            elif isinstance(item, Classes):
                self.names = dict(item.names)
            else:
                self._note([item], 1)
            yield item

    def as_json(self) -> dict[str, Any]:
        """What a JSON column keeps."""
        counts = {name: getattr(self, name) for name in ("pictures", "regions", "predictions", "problems_count")}
        told = [{"where": problem.where, "sentence": problem.sentence} for problem in self.problems]
        return {"format": self.format, "version": self.version, **counts, "problems": told}

    def _count(self, parsed: Parsed) -> None:
        self.pictures += 1
        self.regions += len(parsed.regions)
        self.predictions += sum(region.is_prediction for region in parsed.regions)
        self._note(parsed.problems, parsed.problems_count)

    def _note(self, problems: Iterable[Problem], count: int) -> None:
        self.problems_count += count
        self.problems += list(problems)[: max(0, LIMITS.problems - len(self.problems))]
