"""Layers in the words of their source: a mapping applied backwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import IO

from curation.actions import regions
from curation.actions.meaning.meant import SOURCE_CLASS
from curation.actions.meaning.rules import Rules
from curation.formats.refusals import CannotSay
from curation.formats.regions import PictureRef, Region
from curation.formats.table import Format
from curation.formats.writing import PLAIN, Options
from curation.models import Annotation, Origin
from curation.models.label import DROP, LIST, REFUSE

OWN_CODE = "goes out under its own code"
DROPPED = "dropped"
NOT_READ = "Its file was not understood, so nobody knows what it says."


@dataclass(slots=True)
class Spoken:
    """regions: those that have a class, under it. told: (code, what became of it) of what is worth a line."""

    regions: list[Region] = field(default_factory=list)
    renamed: int = 0  # of them, those whose class is another word than their code
    dropped: int = 0
    refused: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)

    @property
    def refusal(self) -> str:
        """Why a region has no class, the first such sentence; "" where each has one, or may be dropped."""
        return next((what for _, what in self.told if what not in (OWN_CODE, DROPPED)), "")


class Words:
    """What codes are called elsewhere. Without rules they are called as they are here."""

    def __init__(self, rules: Rules | None) -> None:
        self._rules = rules
        self._classes: dict[str, list[str]] = defaultdict(list)
        for foreign, becomes in rules.rules.items() if rules else ():
            if becomes not in (DROP, REFUSE):
                self._classes[becomes].append(foreign)

    def of(self, layer: Annotation) -> Spoken:
        """What a layer says, which needs its current revision. Raises CannotSay for one that was not read, Conflict."""
        said = None if layer.current is None else regions.of(layer.current)
        if said is None:
            raise CannotSay(NOT_READ)
        if layer.origin == Origin.PREDICTION:  # that its file was a model's, not each of its lines has to say
            said = [region._replace(is_prediction=True) for region in said]
        return Spoken(said) if self._rules is None else self._mapped(said, self._rules)

    def _mapped(self, said: Iterable[Region], rules: Rules) -> Spoken:
        spoken = Spoken()
        for region in said:
            attributes = dict(region.attributes)
            came_as = str(attributes.pop(SOURCE_CLASS, ""))
            found, why = self._class_of(region.label, came_as, rules)
            if why:
                spoken.told.append((region.label, why))
            if found:
                spoken.renamed += found != region.label
                spoken.regions.append(region._replace(label=found, attributes=attributes))
            elif why == DROPPED:
                spoken.dropped += 1
            else:
                spoken.refused += 1
        return spoken

    def _class_of(self, code: str, came_as: str, rules: Rules) -> tuple[str, str]:
        """The class ("": none), and what is to be told of it.

        That from which the code was made, if the mapping would make the same of it again; else the only one there is.
        """
        if came_as and rules.verdict(came_as) == (code or LIST):
            return came_as, ""
        classes = self._classes.get(code, [])
        if code in classes:
            return code, ""
        if len(classes) == 1:
            return classes[0], ""
        if not classes and rules.on_unknown == DROP:
            return "", DROPPED
        if not classes and rules.on_unknown == LIST and code and code not in rules.rules:
            return code, OWN_CODE
        many = "several classes" if classes else "no class"
        return "", f"The mapping makes {code or 'a region without a label'} of {many}."


def ref_of(layer: Annotation) -> PictureRef:
    """How files name the picture of a layer."""
    media = layer.media
    return PictureRef(media.original_name, str(media.pk), media.sha256, media.width, media.height)


def write(
    file: IO[bytes], layers: Iterable[Annotation], format_: Format, rules: Rules | None, options: Options = PLAIN
) -> list[Spoken]:
    """Write layers, with their media and current revisions, in their order; return what was said of each.

    Raises CannotSay: for a label that has no class, unless the mapping drops it; and as the format does. Conflict.
    """
    words, said = Words(rules), []
    for layer in layers:
        spoken = words.of(layer)
        if spoken.refused:
            raise CannotSay(spoken.refusal)
        said.append((ref_of(layer), spoken))
    format_.write(file, [(ref, spoken.regions) for ref, spoken in said], options)
    return [spoken for _, spoken in said]
