"""Layers as files again, in the words of their source: a mapping applied backwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import IO

from curation.actions import regions
from curation.actions.meaning.meant import SOURCE_CLASS
from curation.actions.meaning.rules import Rules
from curation.formats.refusals import CannotSay
from curation.formats.regions import PictureRef, Region
from curation.formats.table import Format
from curation.formats.writing import Options, Written
from curation.models import Annotation
from curation.models.label import DROP, LIST, REFUSE


def write(
    file: IO[bytes],
    layers: Iterable[Annotation],
    format_: Format,
    rules: Rules,
    names: Mapping[int, str] | None = None,
) -> None:
    """Write layers, with their media and current revisions. names: by which classes are numbered.

    Raises CannotSay: for a label that the mapping makes of no class, or of several; and as the format does.
    """
    format_.write(file, _written(layers, rules), Options(names=names))


def _written(layers: Iterable[Annotation], rules: Rules) -> Iterator[Written]:
    classes = _backwards(rules)
    for layer in layers:
        media = layer.media
        ref = PictureRef(media.original_name, str(media.pk), media.sha256, media.width, media.height)
        said = (regions.of(layer.current) if layer.current else None) or []
        yield ref, [_in_words_of_the_source(region, rules, classes) for region in said]


def _backwards(rules: Rules) -> dict[str, list[str]]:
    classes: dict[str, list[str]] = defaultdict(list)
    for foreign, becomes in rules.rules.items():
        if becomes not in (DROP, REFUSE):
            classes[becomes].append(foreign)
    return classes


def _in_words_of_the_source(region: Region, rules: Rules, classes: dict[str, list[str]]) -> Region:
    attributes = dict(region.attributes)
    came_as = str(attributes.pop(SOURCE_CLASS, ""))
    if came_as and rules.verdict(came_as) in (region.label, LIST):
        return region._replace(label=came_as, attributes=attributes)
    found = classes.get(region.label, [])
    if region.label in found:
        return region
    if len(found) != 1:
        many = "several classes" if found else "no class"
        raise CannotSay(f"The mapping makes {region.label or 'a region without a label'} of {many}.")
    return region._replace(label=found[0])
