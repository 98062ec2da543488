"""What was asked of an import of annotations."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet

from accounts.actor import Actor
from accounts.refusals import Invalid
from curation.actions.meaning.rules import Rules
from curation.formats.limits import LIMITS
from curation.models import Media, Origin

LONGEST_MODEL = 100  # characters of its name, and of its version


class Claim(StrEnum):
    """What whoever imports says of the files. Nothing: they are what they say themselves, and never truth."""

    NOTHING = ""
    TRUTH = "truth"
    PREDICTIONS = "predictions"


@dataclass(frozen=True)
class Asked:
    """by: who owns the layers, and within what sight media are found. organisation_id: whose media alone."""

    by: Actor
    rules: Rules
    claim: Claim = Claim.NOTHING
    organisation_id: int | None = None
    names: Map[int, str] | None = None  # class by number, for files that only count; None: as lists beside them say
    model_name: str = ""
    model_version: str = ""
    parallel: int = 4  # transfers to the store at a time
    dry_run: bool = False

    def __post_init__(self) -> None:
        if (self.model_name or self.model_version) and self.claim is not Claim.PREDICTIONS:
            raise Invalid("A model is named for predictions alone.", "body", "model")
        if max(len(self.model_name), len(self.model_version)) > LONGEST_MODEL or not self.model_name.isprintable():
            raise Invalid(f"A model has a name of at most {LONGEST_MODEL} characters.", "body", "model")

    def media(self) -> QuerySet[Media]:
        """Those that the import may speak of."""
        access = self.by.access
        rows = Media.objects.living() if access is None else Media.objects.visible_to(access)
        return rows if self.organisation_id is None else rows.filter(organisation=self.organisation_id)

    @property
    def options(self) -> dict[str, Any]:
        """What a run keeps, so that a job can go on with it. The mapping has a column of its own."""
        names = None if self.names is None else {str(number): name for number, name in self.names.items()}
        return {
            "claim": str(self.claim),
            "names": names,
            "model_name": self.model_name,
            "model_version": self.model_version,
        }


def claimed(text: str) -> Claim:
    """Raises Invalid."""
    try:
        return Claim(text)
    except ValueError as error:
        raise Invalid("must be truth or predictions, or be left out", "body", "claim") from error


def class_names(text: str) -> dict[int, str] | None:
    """Classes with commas between, numbered from 0; None for an empty text. Raises Invalid."""
    if not text.strip():
        return None
    names = [name.strip() for name in text.split(",")]
    if len(names) > LIMITS.labels or any(not 0 < len(name) <= LIMITS.label or not name.isprintable() for name in names):
        raise Invalid("Classes are names with commas between them.", "body", "classes")
    return dict(enumerate(names))


def model(text: str) -> tuple[str, str]:
    """Name and version of NAME or NAME@VERSION."""
    name, _, version = text.strip().partition("@")
    return name, version


def origin_of(claim: Claim, *, all_predicted: bool) -> str:
    """Of the layer of one picture."""
    return Origin.PREDICTION if claim is Claim.PREDICTIONS or all_predicted else Origin.IMPORTED
