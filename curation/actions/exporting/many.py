"""Layers of many media as files: read a page at a time, written as they come."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet

from accounts.actions.audit import record
from accounts.refusals import Conflict
from curation.actions import collections, regions
from curation.actions.exporting.asked import Asked
from curation.actions.exporting.naming import file_name
from curation.actions.exporting.target import Nowhere, Target, placed
from curation.actions.meaning.outgoing import Spoken, Words, ref_of
from curation.formats.limits import LIMITS
from curation.formats.refusals import CannotSay
from curation.formats.writing import Written, dumped
from curation.models import Annotation, Collection, Mapping, Media, Origin, TaxonomyVersion

PAGE = 500  # media that are looked for together
MOST_TOLD = 10_000  # lines that are kept; more are counted
REGIONS = ("regions_written", "regions_renamed", "regions_dropped", "regions_refused")
NO_LAYER = "It has no such layer."
SEVERAL = "It has {} such layers, and none is a person's."
TOO_MANY = f"A file has at most {LIMITS.pictures:,} pictures; export collections of fewer."

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Chosen:
    """Whose layers: of a collection, of named media, or of all. predictions: those of models; else ground truth."""

    collection: Collection | None = None
    media: tuple[int, ...] = ()
    predictions: bool = False
    model_name: str = ""
    model_version: str = ""

    def pages(self) -> Iterator[list[int]]:
        """Ids of media in order. Raises Conflict, Invalid."""
        if self.collection is not None:
            return collections.media_of(self.collection, PAGE)
        if self.media:
            return (list(self.media[start : start + PAGE]) for start in range(0, len(self.media), PAGE))
        return _all()

    def layers(self) -> QuerySet[Annotation]:
        rows: Any = Annotation.objects.living()
        if not self.predictions:
            return rows.filter(is_truth=True)  # type: ignore[no-any-return]
        named = {"model_name": self.model_name, "model_version": self.model_version}
        return rows.filter(  # type: ignore[no-any-return]
            origin=Origin.PREDICTION, **{column: value for column, value in named.items() if value}
        )

    @property
    def folder(self) -> str:
        """Of files beside each other: readers of ours tell predictions by it, and never take them for truth."""
        return "labels_predictions" if self.predictions else "labels"


def _all() -> Iterator[list[int]]:
    last = 0
    while page := list(Media.objects.living().filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:PAGE]):
        yield page
        last = page[-1]


@dataclass
class Outcome:
    """told: (media, code, what became of it) of what is worth a line, the first MOST_TOLD. sha256: of all that was
    said: media, annotation and revision of each layer, in order.
    """

    tally: Counter[str] = field(default_factory=Counter)
    told: list[tuple[int, str, str]] = field(default_factory=list)
    sha256: str = ""

    @property
    def is_whole(self) -> bool:
        return not (self.tally["media_refused"] or self.tally["regions_refused"])

    def tell(self, media_id: int, code: str, what: str) -> None:
        if len(self.told) < MOST_TOLD:
            self.told.append((media_id, code, what))
        else:
            self.tally["not_told"] += 1

    def refuse(self, media_id: int, what: str, count: int = 0) -> None:
        """Nothing goes out of a media. count: regions that it has."""
        self.tally["media_refused"] += 1
        self.tally["regions_refused"] += count
        self.tell(media_id, "", what)


def export(chosen: Chosen, asked: Asked, out: Path, *, force: bool, dry_run: bool, progress: Progress) -> Outcome:
    """Write what the layers say to `out`, and note it in the history.

    A region that has no word is left out and told; so is a picture of which none has, or that the format cannot say.
    Raises Conflict, Invalid, Full, and leaves `out` as it was.
    """
    walk = _Walk(chosen, asked, progress)
    if dry_run:
        walk.write(Nowhere())
        return walk.outcome
    with placed(out, many=asked.format.many, force=force) as target:
        walk.write(target)
    _note(chosen, asked, walk.outcome)
    return walk.outcome


class _Walk:
    """One pass over all layers."""

    def __init__(self, chosen: Chosen, asked: Asked, progress: Progress) -> None:
        self._chosen, self._asked, self._progress = chosen, asked, progress
        self._words = Words(asked.rules)
        self._sha = hashlib.sha256()
        self.outcome = Outcome()

    def write(self, target: Target) -> None:
        """Raises Conflict for what only the whole file shows to be impossible."""
        try:
            if self._asked.format.many:
                with target.open("") as file:
                    self._asked.format.write(file, (told for _, told, _ in self._pictures()), self._asked.options)
                    self.outcome.tally["files"] += 1
            else:
                self._write_each(target)
        except CannotSay as error:
            raise Conflict(str(error)) from error
        self.outcome.sha256 = self._sha.hexdigest()

    def _write_each(self, target: Target) -> None:
        for media, _, content in self._pictures():
            name = file_name(media, self._asked.format)
            try:
                file = target.open(f"{self._chosen.folder}/{name}")
            except FileExistsError:  # another picture of this name
                file = target.open(f"{self._chosen.folder}/{media.pk}/{name}")
            with file:
                file.write(content)
            self.outcome.tally["files"] += 1
        if names := self._asked.options.names:
            with target.open("data.yaml") as file:
                said = dumped([names.get(number, "") for number in range(max(names) + 1)])
                file.write(b"nc: %d\nnames: %b\n" % (max(names) + 1, said))

    def _pictures(self) -> Iterator[tuple[Media, Written, bytes]]:
        """Each with its file, as it would be alone."""
        tally = self.outcome.tally
        for layer in self._layers():
            if (spoken := self._spoken(layer)) is None:
                continue
            written = (ref_of(layer), spoken.regions)
            try:
                content = self._alone(written)
            except CannotSay as error:
                self.outcome.refuse(layer.media_id, str(error), len(spoken.regions))
                continue
            tally["media"] += 1
            if self._asked.format.many and tally["media"] > LIMITS.pictures:
                raise CannotSay(TOO_MANY)
            tally["regions_written"] += len(spoken.regions)
            tally["regions_renamed"] += spoken.renamed
            self._sha.update(b"%d %d %d\n" % (layer.media_id, layer.pk, layer.current_id or 0))
            yield layer.media, written, content

    def _spoken(self, layer: Annotation) -> Spoken | None:
        """What is left of a layer once its codes are mapped; None when it is nothing but refusals."""
        try:
            spoken = self._words.of(layer)
        except (CannotSay, Conflict) as error:
            self.outcome.refuse(layer.media_id, str(error), layer.regions_count)
            return None
        self.outcome.tally["regions_dropped"] += spoken.dropped
        for code, what in spoken.told:
            self.outcome.tell(layer.media_id, code, what)
        self.outcome.tally["regions_refused"] += spoken.refused
        if spoken.refused and not spoken.regions:
            self.outcome.tally["media_refused"] += 1  # an empty file would say that there is nothing to be seen
            return None
        return spoken

    def _alone(self, written: Written) -> bytes:
        """Raises CannotSay before a byte of it stands in a file of many."""
        trial = io.BytesIO()
        self._asked.format.write(trial, [written], self._asked.options)
        return trial.getvalue()

    # --- Reading -------------------------------------------------------------------------------------------

    def _layers(self) -> Iterator[Annotation]:
        """One for each media, with its media and its current revision."""
        seen = 0
        for page in self._chosen.pages():
            found = self._one_of_each(page)
            for group in regions.groups(dict(found.values())):
                rows = self._chosen.layers().filter(pk__in=group).select_related("media", "current")
                yield from rows.order_by("media_id", "pk")
            seen += len(page)
            self._progress("media", seen)

    def _one_of_each(self, page: list[int]) -> dict[int, tuple[int, int]]:
        """Annotation, and how many regions it counts, by media; what has none or several is told."""
        columns = ("media_id", "pk", "origin", "regions_count")
        by_media: dict[int, list[Any]] = {media_id: [] for media_id in page}
        for row in self._chosen.layers().filter(media__in=page).order_by("media_id", "pk").values_list(*columns):
            by_media[row[0]].append(row)
        return dict(self._chosen_of(by_media))

    def _chosen_of(self, by_media: dict[int, list[Any]]) -> Iterator[tuple[int, tuple[int, int]]]:
        for media_id, found in by_media.items():
            rows = [row for row in found if row[2] == Origin.HUMAN] or found
            if len(rows) == 1:
                yield media_id, (rows[0][1], rows[0][3])
            elif rows:
                self.outcome.refuse(media_id, SEVERAL.format(len(rows)), sum(row[3] for row in rows))
            elif self._chosen.media:
                self.outcome.refuse(media_id, NO_LAYER)
            else:
                self.outcome.tally["media_without"] += 1


# --- What is kept of it ------------------------------------------------------------------------------------


def _note(chosen: Chosen, asked: Asked, outcome: Outcome) -> None:
    """One entry for all of them: of the collection, else of what named the classes."""
    counts = {name: outcome.tally[name] for name in ("media", "media_refused", *REGIONS)}
    layer = {"layer": "predictions" if chosen.predictions else "truth", "model": _model(chosen)}
    after = asked.as_json | layer | counts | {"sha256": outcome.sha256}
    with transaction.atomic():
        record("annotation.export", _about(chosen, asked), by=asked.by, after=after)


def _model(chosen: Chosen) -> str | None:
    return "@".join(filter(None, (chosen.model_name, chosen.model_version))) or None


def _about(chosen: Chosen, asked: Asked) -> Model:
    if chosen.collection is not None:
        return chosen.collection
    rules = asked.rules
    stored = (
        Mapping.objects.filter(name=rules.name, version=rules.version or 0).first() if rules and rules.name else None
    )
    return stored or TaxonomyVersion.objects.latest("number")


def known(media: Iterable[int]) -> tuple[int, ...]:
    """The ids in order, each once. Raises Conflict for one that is no living media."""
    ids = sorted(set(media))
    for start in range(0, len(ids), PAGE):
        page = ids[start : start + PAGE]
        if gone := set(page) - set(Media.objects.living().filter(pk__in=page).values_list("pk", flat=True)):
            raise Conflict(f"There is no media {min(gone)}.")
    return tuple(ids)
