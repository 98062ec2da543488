"""What a file says of one picture, once its classes are mapped. No database here, and text that goes to disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from accounts.refusals import Invalid
from curation.actions.meaning.asked import Asked, Claim, origin_of
from curation.actions.meaning.rules import Rules
from curation.actions.regions import Said
from curation.formats.limits import LIMITS
from curation.formats.regions import Parsed, PictureRef, Problem, Region
from curation.models.label import DROP, LIST, REFUSE
from curation.storage.sources.paths import shown

SOURCE_CLASS = "source_class"  # attribute: the class of the source, where the label says something else
NEVER_TRUTH = "a prediction, never truth"
NAMELESS = "class {}, which has no name"
TOLD = LIMITS.problems  # things told of one picture; the others are counted

Told = tuple[str, str, str]  # where, class, what became of it


@dataclass(slots=True)
class Meant:
    """regions: canonical. refusal: why nothing of the picture is taken; "" when something is, or nothing was said."""

    path: str  # of the picture, as the file names it
    id: str = ""
    sha256: str = ""
    width: int | None = None
    height: int | None = None
    regions: list[dict[str, Any]] = field(default_factory=list)
    digest: str = ""
    origin: str = ""
    is_truth: bool = False
    kept: int = 0
    dropped: int = 0
    refused: int = 0
    problems: int = 0
    told: list[Told] = field(default_factory=list)
    refusal: str = ""

    @property
    def name(self) -> str:
        """How a report calls the picture."""
        return shown(self.path) or f"image {self.id}"

    @property
    def is_whole(self) -> bool:
        return not (self.refused or self.problems)


def packed(meant: Meant) -> bytes:
    """One line."""
    return orjson.dumps([getattr(meant, name) for name in Meant.__slots__]) + b"\n"


def unpacked(line: bytes) -> Meant:
    return Meant(*orjson.loads(line))


def understood(parsed: Parsed, asked: Asked) -> Meant:
    """What a file says of one picture, by the mapping and the claim."""
    meant = of_ref(parsed.picture)
    kept = list(_kept(parsed.regions, asked, meant))
    for problem in parsed.problems:
        tell(meant, problem.where, "", problem.sentence)
    meant.problems = parsed.problems_count
    _say(meant, kept, asked.claim)
    return meant


def of_ref(picture: PictureRef) -> Meant:
    return Meant(picture.path, picture.id, picture.sha256, picture.width, picture.height)


def tell(meant: Meant, where: str, class_: str, what: str) -> None:
    if len(meant.told) < TOLD:
        meant.told.append((where, class_, what))


def problem_of(path: str, problem: Problem) -> Meant:
    """What is wrong with a part of a file that belongs to no picture."""
    told = [(problem.where, "", problem.sentence)]
    return Meant(path, problems=1, told=told, refusal=f"{problem.where}: {problem.sentence}")


def _kept(regions: Iterable[Region], asked: Asked, meant: Meant) -> Iterable[Region]:
    for region in regions:
        if asked.claim is Claim.TRUTH and (region.is_prediction or region.score is not None):
            meant.refused += 1
            tell(meant, region.where, region.label, NEVER_TRUTH)
            continue
        becomes = asked.rules.verdict(region.label)
        if becomes in (DROP, REFUSE):
            _leave_out(meant, region, becomes, asked.rules)
            continue
        if becomes == LIST:
            tell(meant, region.where, _class(region), "kept without a label")
        yield _labelled(region, "" if becomes == LIST else becomes)


def _leave_out(meant: Meant, region: Region, becomes: str, rules: Rules) -> None:
    if becomes == DROP:
        meant.dropped += 1
        return tell(meant, region.where, _class(region), "dropped")
    meant.refused += 1
    why = "refused" if region.label in rules.rules else "refused, the mapping does not name it"
    return tell(meant, region.where, _class(region), why)


def _class(region: Region) -> str:
    if region.label:
        return region.label
    return NAMELESS.format(region.class_id) if region.class_id is not None else "no class"


def _labelled(region: Region, code: str) -> Region:
    """A class number says nothing any more; the class itself goes along where the label is another word."""
    if not region.label:
        return region._replace(label=code)
    if region.label == code:
        return region._replace(class_id=None)
    attributes = {**region.attributes, SOURCE_CLASS: region.label}
    return region._replace(label=code, class_id=None, attributes=attributes)


def _say(meant: Meant, kept: list[Region], claim: Claim) -> None:
    """Regions that a revision can keep, or why there are none. Nothing kept of something refused says nothing."""
    if not kept and (meant.refused or (meant.problems and not meant.dropped)):
        meant.refusal = "Nothing of it could be taken."
        return
    try:
        said = Said(kept)
    except Invalid as refusal:
        meant.refusal = str(refusal)
        meant.refused += len(kept)
        return
    meant.regions, meant.digest, meant.kept = said.as_json, said.sha256, len(kept)
    predicted = bool(kept) and all(region.is_prediction for region in kept)
    meant.origin = origin_of(claim, all_predicted=predicted)
    meant.is_truth = claim is Claim.TRUTH
