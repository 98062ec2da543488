"""What people decide: edit the human layer of a media, accept what others said, go back to an earlier revision.

Truth is made here by people alone; what a model said stays in a layer of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Subquery

from accounts.actions.audit import record_all
from accounts.actions.rights import recheck
from accounts.actor import Actor
from accounts.models import Access
from accounts.refusals import Conflict, Invalid, NotFound, Stale
from curation.actions import regions
from curation.actions.annotations import FASTER, append, append_file, file_of, hold_still
from curation.actions.commit import commit
from curation.actions.objects import Content
from curation.actions.regions import CONTENT_TYPE, FORMAT, Said
from curation.formats.difference import Difference, difference
from curation.formats.regions import Region, canonical_text
from curation.imaging.text import TextContent
from curation.models import Annotation, AnnotationRevision, Label, Media, Origin
from curation.models import Sequence as Sequenced

ACCEPTED_MAX = 500  # annotations at once: a sequence
ACCEPTED_REGIONS = 20_000  # of all of them
STALE = "The human layer changed since you looked at it, or you did not say what you saw; look again."
HAS_ONE = "Media {} has another human layer already; edit that one."
MADE_HERE = TextContent(CONTENT_TYPE, "json", FORMAT)

Keep = Callable[[Annotation], None]


def keep_nothing(annotation: Annotation) -> None:
    """There is no receipt to be kept."""


def human_layer(media: Media) -> Annotation | None:
    """The one living human layer of a media, with its current revision."""
    rows = Annotation.objects.filter(media=media, origin=Origin.HUMAN, deleted_at=None)
    return rows.select_related("current").first()


def edit(
    media: Media, said: Sequence[Region], *, by: Actor, if_version: int, note: str = "", keep: Keep = keep_nothing
) -> Annotation:
    """Make `said` the next revision of the human layer of a media. The same regions again change nothing.

    if_version: of the layer that was looked at; 0 = there was none.
    Raises Stale, Conflict, Invalid, NotFound, Busy, Full.
    """
    regions.refuse_as_truth(said)
    new = Said(said)
    _seen(media, said, if_version)  # before anything is stored

    def rows() -> Annotation:
        recheck(by)
        hold_still(media)
        layer = _seen(media, said, if_version)
        edited = _edited(layer, media, new, note, by)
        keep(edited)
        return edited

    return _commit([new.content()], rows)


def _seen(media: Media, said: Sequence[Region], if_version: int) -> Annotation | None:
    """The human layer as the caller saw it. Raises Stale, and Invalid for labels that cannot be given."""
    layer = human_layer(media)
    if (layer.version if layer else 0) != if_version:
        raise Stale(STALE)
    _refuse_labels(said, layer)
    return layer


def _edited(layer: Annotation | None, media: Media, said: Said, note: str, by: Actor) -> Annotation:
    if layer is None:
        layer = Annotation.objects.create(media=media, owner=by.access, origin=Origin.HUMAN, is_truth=True)
    elif layer.current is not None and layer.current.regions_sha256 == said.sha256:
        return layer
    append(layer, said.content(), MADE_HERE, by=by, said=said, note=note, action="annotation.edit")
    return layer


def _commit(contents: list[Content], rows: Callable[[], Annotation]) -> Annotation:
    try:
        return commit(*contents, rows=rows)
    except IntegrityError as error:  # another one made the human layer, or took the number
        raise Conflict(FASTER) from error


def _refuse_labels(said: Sequence[Region], layer: Annotation | None) -> None:
    """A person names what is seen; a retired label stays where it was. Raises Invalid."""
    known = set(Label.objects.filter(retired_at=None).values_list("code", flat=True))
    if layer is not None and layer.current is not None:
        known |= {str(region.get("label", "")) for region in layer.current.regions or []}
    for number, region in enumerate(said):
        if not region.label or region.label not in known:
            raise Invalid(f"There is no living label {region.label!r}.", "body", "regions", number, "label")


# --- Accepting what others said --------------------------------------------------------------------


@dataclass(frozen=True)
class Accepted:
    """One annotation as it was looked at, and what a person says who accepts it."""

    source: Annotation
    revision: AnnotationRevision
    said: Said

    @cached_property
    def content(self) -> Content:
        return self.said.content()

    @property
    def note(self) -> str:
        return f"accepted from revision {self.revision.number} of annotation {self.source.pk}"


def accept(
    sources: Sequence[Annotation], *, by: Actor, keep: Callable[[list[Annotation]], None] = lambda layers: None
) -> list[Annotation]:
    """Copy the regions of layers to new human layers of their media: all of them, or none. Accepted again: unchanged.

    Scores and class numbers stay behind, with the model. Returns the human layers, in the order of `sources`.
    Raises Conflict, Invalid, NotFound, Busy, Full.
    """
    _refuse_amount(sources)
    known = set(Label.objects.filter(retired_at=None).values_list("code", flat=True))
    revisions = AnnotationRevision.objects.in_bulk([source.current_id for source in sources if source.current_id])
    accepted = [_accepted(source, revisions.get(source.current_id), known) for source in sources]
    contents = {one.content.key: one.content for one in accepted}

    def rows() -> list[Annotation]:
        recheck(by)
        layers = _copy(accepted, by)
        keep(layers)
        return layers

    try:
        return commit(*contents.values(), rows=rows)
    except IntegrityError as error:
        raise Conflict(FASTER) from error


def predictions_in(sequence: Sequenced, access: Access) -> list[Annotation]:
    """What models said of the media of a sequence, as far as the access sees both; one layer of each media.

    Raises Conflict when there is none.
    """
    media = Media.objects.visible_to(access).filter(item__sequence__in=sequence.shown_ids())
    rows = Annotation.objects.visible_to(access).filter(media__in=media.values("pk"), origin=Origin.PREDICTION)
    found = list(rows.filter(current__regions__isnull=False).order_by("pk")[: ACCEPTED_MAX + 1])
    if not found:
        raise Conflict("No model has said anything of this sequence that could be accepted.")
    return found


def _refuse_amount(sources: Sequence[Annotation]) -> None:
    if not 1 <= len(sources) <= ACCEPTED_MAX:
        raise Invalid(f"Between 1 and {ACCEPTED_MAX} annotations are accepted at once.", "body")
    if sum(source.regions_count for source in sources) > ACCEPTED_REGIONS:
        raise Invalid(f"At most {ACCEPTED_REGIONS} regions are accepted at once.", "body")
    if len({source.media_id for source in sources}) < len(sources):
        raise Conflict("Two of the annotations are about one media; accept one of them.")


def _accepted(source: Annotation, current: AnnotationRevision | None, known: set[str]) -> Accepted:
    if source.origin == Origin.HUMAN:
        raise Conflict(f"Annotation {source.pk} is what a person decided already.")
    found = regions.of(current) if current else None
    if current is None or found is None:
        raise Conflict(f"The regions of annotation {source.pk} are not known, so they cannot be accepted.")
    if strange := next((region.label for region in found if region.label not in known), None):
        raise Conflict(f"Annotation {source.pk} says {strange!r}, which is no living label.")
    if any(not region.label for region in found):
        raise Conflict(f"Annotation {source.pk} has regions without a label.")
    said = {canonical_text(one): one for one in map(_as_a_person, found)}
    return Accepted(source, current, Said(list(said.values())))


def _as_a_person(region: Region) -> Region:
    return region._replace(score=None, is_prediction=False, class_id=None)


def _copy(accepted: Sequence[Accepted], by: Actor) -> list[Annotation]:
    """As many statements for a whole sequence as for one."""
    _hold_all_still(accepted)
    media = [one.source.media_id for one in accepted]
    living = Annotation.objects.filter(media__in=media, origin=Origin.HUMAN, deleted_at=None)
    there = {layer.media_id: layer for layer in living.select_related("current").defer("current__regions")}
    for one in accepted:
        layer = there.get(one.source.media_id)
        if layer and layer.current and layer.current.regions_sha256 != one.said.sha256:
            raise Conflict(HAS_ONE.format(layer.media_id))
    made = _make([one for one in accepted if one.source.media_id not in there], by)
    layers = there | {layer.media_id: layer for layer in made}
    return [layers[one.source.media_id] for one in accepted]


def _hold_all_still(accepted: Sequence[Accepted]) -> None:
    """Neither a media is deleted nor a source changed until the commit."""
    media = Media.objects.living().filter(pk__in=[one.source.media_id for one in accepted]).order_by("pk")
    held = {row.pk for row in media.select_for_update(no_key=True).only("pk")}
    for one in accepted:
        if one.source.media_id not in held:
            raise NotFound("media", one.source.media_id)
    sources = Annotation.objects.filter(pk__in=[one.source.pk for one in accepted], deleted_at=None)
    seen = dict(sources.values_list("pk", "version"))
    if any(seen.get(one.source.pk) != one.source.version for one in accepted):
        raise Conflict(FASTER)


def _make(accepted: Sequence[Accepted], by: Actor) -> list[Annotation]:
    if not accepted:
        return []
    layers = Annotation.objects.bulk_create([_layer(one, by) for one in accepted])
    revisions = AnnotationRevision.objects.bulk_create(
        [_revision(one, layer, by) for one, layer in zip(accepted, layers, strict=True)]
    )
    first = AnnotationRevision.objects.filter(annotation=OuterRef("pk"), number=1)
    ids = [layer.pk for layer in layers]
    Annotation.objects.filter(pk__in=ids).update(current=Subquery(first.values("pk")[:1]))
    for layer, revision in zip(layers, revisions, strict=True):
        layer.current = revision
    regions.index_all(layers)
    told = {
        layer.pk: {"media_id": layer.media_id, "sha256": layer.sha256, "from": one.source.pk, "revision": 1}
        for one, layer in zip(accepted, layers, strict=True)
    }
    record_all("annotation.accept", "annotation", told, by=by)
    return layers


def _file(content: Content) -> dict[str, object]:
    return {
        "file": content.key,
        "sha256": content.spooled.sha256,
        "size": content.spooled.size,
        "content_type": content.content_type,
        "format": FORMAT,
    }


def _layer(one: Accepted, by: Actor) -> Annotation:
    return Annotation(
        media_id=one.source.media_id,
        owner=by.access,
        origin=Origin.HUMAN,
        is_truth=True,
        state=Annotation.State.PARSED,
        regions_count=len(one.said.regions),
        **_file(one.content),
    )


def _revision(one: Accepted, layer: Annotation, by: Actor) -> AnnotationRevision:
    return AnnotationRevision(
        annotation=layer,
        number=1,
        author=by.access,
        author_login=by.login,
        origin=Origin.HUMAN,
        is_truth=True,
        note=one.note,
        **_file(one.content),
        **regions.columns(one.said),
    )


# --- Looking back ----------------------------------------------------------------------------------


def restore(annotation: Annotation, revision: AnnotationRevision, *, by: Actor) -> Annotation:
    """Append a revision that says what an earlier one of the annotation said. The current one: unchanged.

    Raises Conflict, NotFound.
    """
    if revision.annotation_id != annotation.pk:
        raise NotFound("revisions", revision.pk)
    if revision.pk == annotation.current_id:
        return annotation
    found = regions.of(revision)
    said = None if found is None else Said(found, revision.report)
    file = file_of(revision)
    note = f"restored revision {revision.number}"
    try:
        with transaction.atomic():
            recheck(by)
            append_file(annotation, file, by=by, said=said, note=note, action="annotation.restore")
    except IntegrityError as error:
        raise Conflict(FASTER) from error
    return annotation


def diff(before: AnnotationRevision, after: AnnotationRevision) -> Difference:
    """What changed from one revision to another. Raises Conflict where the regions of one are not known."""
    sides = [regions.of(revision) for revision in (before, after)]
    for revision, side in zip((before, after), sides, strict=True):
        if side is None:
            raise Conflict(f"The regions of revision {revision.number} are not known.")
    return difference(*[side or [] for side in sides])


def revision_of(annotation: Annotation, number: int) -> AnnotationRevision:
    """Raises NotFound."""
    found: AnnotationRevision | None = annotation.revisions.filter(number=min(number, 2**31 - 1)).first()
    if found is None:
        raise NotFound("revisions", number)
    return found
