"""Layers of many pictures at once: made, given another revision, or left as they are; all of a batch or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from accounts.actions.audit import record_all
from accounts.actions.rights import recheck
from accounts.prepared import Insert
from accounts.scopes import CHANGES_OTHERS
from curation.actions import regionrows
from curation.actions.importing.chunks import in_chunks
from curation.actions.importing.journal import LONGEST_REASON, Verdict, judged
from curation.actions.many import commit_all
from curation.actions.meaning.asked import Asked
from curation.actions.meaning.finding import Found
from curation.actions.meaning.journal import Journal
from curation.actions.meaning.meant import Meant
from curation.actions.meaning.rules import Rules
from curation.actions.objects import Content
from curation.models import Annotation, AnnotationRevision, Label, Origin, Region

ANOTHER = "The picture has another imported layer already."
SAME_FILE = "The same file lies at {} as well."
GONE = "Its media was deleted meanwhile."
NO_MEANING = "Kept as it came, without a meaning. {}"
IS_TRUTH = "It was declared to be truth; say so again, or leave it."
AS_IT_WAS = "{} The layer stays as it was."
OTHER_SIZE = "The file speaks of a picture of {}x{} pixels, the media has {}x{}."
CHANGED = ("file", "sha256", "size", "content_type", "format", "state", "origin", "is_truth", "regions_count",
           "model_name", "model_version")  # fmt: skip

_insert_layers, _insert_revisions = Insert(Annotation), Insert(AnnotationRevision)
State = Annotation.State


@dataclass(frozen=True)
class Original:
    """The file that says it, as it was sent. many: it is about many pictures, and kept once for all of them."""

    path: str
    content: Content
    format: str
    version: int  # of our reading
    many: bool = False

    @property
    def columns(self) -> dict[str, Any]:
        return {
            "file": self.content.key,
            "sha256": self.content.spooled.sha256,
            "size": self.content.spooled.size,
            "content_type": self.content.content_type,
            "format": self.format,
        }


class Picture:
    """What one file says of one picture, and what becomes of it."""

    def __init__(self, path: str, original: Original, meant: Meant, found: Found) -> None:
        self.original, self.meant, self.found = original, meant, found
        self.item = judged(path, Verdict.REFUSED, meant.refusal)
        self.item.sha256, self.item.size = ("", None) if original.many else _identity(original)
        self.item.regions_dropped, self.item.regions_refused = meant.dropped, meant.refused
        self.item.regions_kept, self.item.problems = meant.kept, meant.problems
        self.item.told = [list(line) for line in meant.told] or None
        self.layer: Annotation | None = None
        self._look()

    def _look(self) -> None:
        if not self.found.media_id:
            self.refuse(self.found.reason)
            self.item.verdict = Verdict.REFUSED if self.found.is_ambiguous else Verdict.NOT_FOUND

    @property
    def media_id(self) -> int:
        return self.found.media_id

    @property
    def is_wanted(self) -> bool:
        """Whether there is anything to write. A file of its own is kept even where it says nothing."""
        return bool(self.media_id) and (not self.meant.refusal or not self.original.many)

    @property
    def place(self) -> tuple[int, str]:
        return self.media_id, self.original.content.spooled.sha256

    def refuse(self, reason: str) -> None:
        """Nothing of it is taken: what would have been kept is refused."""
        self.item.verdict, self.item.reason = Verdict.REFUSED, reason[:LONGEST_REASON]
        self.item.regions_refused += self.item.regions_kept
        self.item.regions_kept = 0
        self.item.media_id = self.item.annotation_id = None
        self.found = Found(reason=reason, is_ambiguous=self.found.is_ambiguous)

    def settle(self, verdict: str, annotation_id: int | None, note: str = "") -> None:
        if self.meant.refusal:
            sentence = AS_IT_WAS if verdict == Verdict.UNCHANGED else NO_MEANING
            verdict, note = Verdict.REFUSED, sentence.format(self.meant.refusal)
        self.item.verdict, self.item.media_id, self.item.annotation_id = verdict, self.media_id, annotation_id
        self.item.reason = " ".join(filter(None, [note, self._size()]))[:LONGEST_REASON]

    def _size(self) -> str:
        said, known = (self.meant.width, self.meant.height), (self.found.width, self.found.height)
        is_odd = None not in said + known and said != known
        return OTHER_SIZE.format(*said, *known) if is_odd else ""

    @property
    def origin(self) -> str:
        return self.meant.origin or Origin.IMPORTED

    @property
    def state(self) -> str:
        return State.PARSED if self.meant.is_whole and not self.meant.refusal else State.PROBLEM


def _identity(original: Original) -> tuple[str, int]:
    return original.content.spooled.sha256, original.content.spooled.size


@dataclass(slots=True)
class Standing:
    """A layer that is there already."""

    pk: int
    media_id: int
    sha256: str
    origin: str
    is_truth: bool
    number: int | None
    digest: str  # of its regions; "" when they are not known
    rules: str
    state: str
    model_name: str
    model_version: str

    def is_said_by(self, picture: Picture, asked: Asked) -> bool:
        """Whether the picture would be told nothing new."""
        said = (picture.origin, picture.meant.is_truth, picture.meant.digest, asked.rules.digest, picture.state)
        is_same_model = not asked.model_name or (self.model_name, self.model_version) == (
            asked.model_name,
            asked.model_version,
        )
        return is_same_model and (self.origin, self.is_truth, self.digest, self.rules, self.state) == said


class _Firsts:
    """What is to be written of a batch: files with the same bytes that say something of one media count once."""

    def __init__(self) -> None:
        self.created: list[Picture] = []
        self.changed: list[tuple[Picture, Standing]] = []
        self._others: list[tuple[Picture, Picture]] = []
        self._seen: dict[tuple[int, str, str], Picture] = {}

    def create(self, picture: Picture) -> None:
        if self._is_first(picture):
            self.created.append(picture)

    def change(self, picture: Picture, layer: Standing) -> None:
        if self._is_first(picture):
            self.changed.append((picture, layer))

    def _is_first(self, picture: Picture) -> bool:
        first = self._seen.setdefault((*picture.place, picture.origin), picture)
        if first is not picture:
            self._others.append((picture, first))
        return first is picture

    def settle_others(self) -> None:
        for picture, first in self._others:
            picture.settle(Verdict.UNCHANGED, first.item.annotation_id, SAME_FILE.format(first.item.path))


class Writer:
    """Writes batches of pictures, and journals what became of each."""

    def __init__(self, asked: Asked, journal: Journal, executor: Executor, run_id: int | None = None) -> None:
        self._asked, self._journal, self._executor, self._run_id = asked, journal, executor, run_id

    def write(self, pictures: Sequence[Picture]) -> None:
        """Raises Busy, Full, Superseded; what was written before is whole."""
        in_chunks(pictures, self._commit, together=len(pictures) or 1)

    def _commit(self, pictures: Sequence[Picture]) -> None:
        if self._asked.dry_run:
            return self._pretend(pictures)
        wanted = {one.original.content.key: one.original.content for one in pictures if one.is_wanted}
        return commit_all(list(wanted.values()), rows=lambda: self._rows(pictures), executor=self._executor)

    def _pretend(self, pictures: Sequence[Picture]) -> None:
        firsts = self._sorted(pictures, self._standing(pictures, lock=False))
        for picture in firsts.created:
            picture.settle(Verdict.CREATED, None)
        for picture, layer in firsts.changed:
            picture.settle(Verdict.CHANGED, layer.pk)
        firsts.settle_others()
        self._journal.keep([picture.item for picture in pictures])

    def _sorted(self, pictures: Sequence[Picture], standing: dict[tuple[int, str], list[Standing]]) -> _Firsts:
        """What is to be written; what is not is settled or refused."""
        firsts, asked = _Firsts(), self._asked
        for picture in (one for one in pictures if one.is_wanted):
            layer = self._match(picture, standing)
            if layer is None:
                firsts.create(picture)
            elif layer.is_truth and not picture.meant.is_truth and layer.rules != asked.rules.digest:
                picture.refuse(IS_TRUTH)
            elif layer.is_said_by(picture, asked) or not self._may_change(picture, layer):
                picture.settle(Verdict.UNCHANGED, layer.pk)
            else:
                firsts.change(picture, layer)
        return firsts

    # --- Within the transaction ------------------------------------------------------------------------

    def _rows(self, pictures: Sequence[Picture]) -> None:
        """The media are held still: neither deleted, nor given the same layer twice."""
        recheck(self._asked.by)
        self._refuse_gone(pictures)
        firsts = self._sorted(pictures, self._standing(pictures, lock=True))
        self._create(firsts.created, self._layered(firsts.created))
        self._change(firsts.changed)
        self._index([*firsts.created, *(picture for picture, _ in firsts.changed)])
        firsts.settle_others()
        self._journal.keep([picture.item for picture in pictures])

    def _refuse_gone(self, pictures: Sequence[Picture]) -> None:
        wanted = [picture for picture in pictures if picture.is_wanted]
        held = self._asked.media().select_for_update(no_key=True).order_by("pk")
        living = set(held.filter(pk__in={picture.media_id for picture in wanted}).values_list("pk", flat=True))
        for picture in wanted:
            if picture.media_id not in living:
                picture.refuse(GONE)

    def _standing(self, pictures: Sequence[Picture], *, lock: bool) -> dict[tuple[int, str], list[Standing]]:
        """Living layers of these files, those that persons made left out."""
        rows = (
            self._changeable()
            .filter(
                deleted_at=None,
                media__in={picture.media_id for picture in pictures},
                sha256__in={picture.original.content.spooled.sha256 for picture in pictures},
            )
            .exclude(origin=Origin.HUMAN)
        )
        if lock:  # apart, for no lock goes over the join below
            list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        found: dict[tuple[int, str], list[Standing]] = {}
        for row in rows.order_by("pk").values_list(
            "pk", "media_id", "sha256", "origin", "is_truth", "current__number", "current__regions_sha256",
            KeyTextTransform("rules", "current__report"), "state", "model_name", "model_version",
        ):  # fmt: skip
            layer = Standing(*row)
            found.setdefault((layer.media_id, layer.sha256), []).append(layer)
        return found

    def _changeable(self) -> QuerySet[Annotation]:
        access = self._asked.by.access
        if access is None or access.scope in CHANGES_OTHERS:
            return Annotation.objects.all()  # of media that are seen
        return Annotation.objects.filter(owner=access)

    def _match(self, picture: Picture, standing: dict[tuple[int, str], list[Standing]]) -> Standing | None:
        """The layer that the file has already: one of the same origin, or one without a meaning yet.

        What was kept as a device's prediction becomes nothing else.
        """
        layers = standing.get(picture.place, [])
        if picture.meant.refusal:
            return next(iter(layers), None)
        same = [layer for layer in layers if layer.origin == picture.origin]
        open_ = [layer for layer in layers if not layer.digest and layer.origin == Origin.IMPORTED]
        return next(iter(same or open_), None)

    def _may_change(self, picture: Picture, layer: Standing) -> bool:
        """What was declared stays declared, and what has a meaning does not lose it to a reading that found none."""
        if layer.is_truth and not picture.meant.is_truth:
            return False
        return not (picture.meant.refusal and (layer.digest or layer.rules == self._asked.rules.digest))

    def _layered(self, pictures: Sequence[Picture]) -> set[int]:
        """Media that have an imported layer or a model's already."""
        rows = Annotation.objects.filter(deleted_at=None, media__in=[picture.media_id for picture in pictures])
        return set(rows.exclude(origin=Origin.HUMAN).values_list("media", flat=True).distinct())

    def _create(self, pictures: Sequence[Picture], layered: set[int]) -> None:
        for picture in pictures:
            picture.layer = Annotation(media_id=picture.media_id, owner=self._asked.by.access, **self._columns(picture))
        for some in _slices([picture.layer for picture in pictures if picture.layer], len(_insert_layers.fields)):
            _insert_layers(*some)
        self._append([(picture, 1) for picture in pictures])
        first = AnnotationRevision.objects.filter(annotation=OuterRef("pk"), number=1)
        ids = [picture.layer.pk for picture in pictures if picture.layer]
        Annotation.objects.filter(pk__in=ids).update(current=Subquery(first.values("pk")[:1]))
        for picture in pictures:
            note = ANOTHER if picture.media_id in layered else ""
            picture.settle(Verdict.CREATED, picture.layer.pk if picture.layer else None, note)

    def _change(self, changed: Sequence[tuple[Picture, Standing]]) -> None:
        if not changed:
            return
        rows = Annotation.objects.in_bulk([layer.pk for _, layer in changed])
        now = timezone.now()
        for picture, layer in changed:
            picture.layer = rows[layer.pk]
            for name, value in self._columns(picture).items():
                setattr(picture.layer, name, value)
            picture.layer.version += 1
            picture.layer.updated_at = now
        self._append([(picture, (layer.number or 0) + 1) for picture, layer in changed])
        layers = [picture.layer for picture, _ in changed if picture.layer]
        Annotation.objects.bulk_update(layers, [*CHANGED, "current", "version", "updated_at"], batch_size=100)
        Region.objects.filter(annotation__in=[layer.pk for layer in layers]).delete()
        for picture, layer in changed:
            picture.settle(Verdict.CHANGED, layer.pk)

    def _columns(self, picture: Picture) -> dict[str, Any]:
        model = {"model_name": self._asked.model_name, "model_version": self._asked.model_version}
        return {
            **picture.original.columns,
            **(model if self._asked.model_name else {}),
            "state": picture.state,
            "origin": picture.origin,
            "is_truth": picture.meant.is_truth,
            "regions_count": len(picture.meant.regions),
        }

    def _append(self, numbered: Sequence[tuple[Picture, int]]) -> None:
        """The next revision of each layer."""
        by = self._asked.by
        revisions = [
            AnnotationRevision(
                annotation=picture.layer,
                number=number,
                author=by.access,
                author_login=by.login,
                origin=picture.origin,
                is_truth=picture.meant.is_truth,
                regions=None if picture.meant.refusal else picture.meant.regions,
                regions_sha256=picture.meant.digest,
                report=report_of(picture.original, picture.meant, self._asked.rules, self._run_id),
                **picture.original.columns,
            )
            for picture, number in numbered
        ]
        for some in _slices(revisions, len(_insert_revisions.fields)):
            _insert_revisions(*some)
        for (picture, _), revision in zip(numbered, revisions, strict=True):
            if picture.layer:
                picture.layer.current = revision
        self._tell(revisions, numbered)

    def _tell(self, revisions: Sequence[AnnotationRevision], numbered: Sequence[tuple[Picture, int]]) -> None:
        told = {}
        for revision, (picture, number) in zip(revisions, numbered, strict=True):
            after = {"media_id": picture.media_id, "sha256": revision.sha256, "revision": number}
            told[revision.annotation_id] = after | {"origin": revision.origin, "is_truth": revision.is_truth}
        record_all("annotation.import", "annotation", told, by=self._asked.by)

    def _index(self, pictures: Iterable[Picture]) -> None:
        labels = dict(Label.objects.values_list("code", "pk"))
        regionrows.insert(
            row
            for picture in pictures
            if picture.layer and not picture.meant.refusal
            for row in regionrows.rows_of(picture.layer, picture.meant.regions, labels)
        )


def report_of(original: Original, meant: Meant, rules: Rules, run_id: int | None = None) -> dict[str, Any]:
    """What a revision keeps of how its regions were found. run_id: of the import."""
    said = {
        "format": original.format,
        "version": original.version,
        "regions": meant.kept,
        "dropped": meant.dropped,
        "refused": meant.refused,
        "problems_count": meant.problems,
        "problems": [{"where": where, "class": class_, "sentence": what} for where, class_, what in meant.told],
        "rules": rules.digest,
        "mapping": {"name": rules.name, "version": rules.version, "import": run_id},
    }
    return said | ({"refusal": meant.refusal} if meant.refusal else {})


def _slices(rows: Sequence[Any], columns: int) -> Iterable[Sequence[Any]]:
    """As many rows as one statement may have values for."""
    most = max(1, (30_000 if connection.vendor == "sqlite" else 60_000) // columns)
    return (rows[start : start + most] for start in range(0, len(rows), most))
