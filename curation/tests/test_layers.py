"""What people decide: edits, accepted predictions, restored revisions; and what can never become truth."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.actions import accesses
from accounts.actor import Actor
from accounts.models import Access, AuditEntry
from accounts.refusals import Conflict, Invalid, NotFound, Stale
from accounts.tests.cast import Cast
from curation.actions import annotations as files
from curation.actions import layers, taxonomy
from curation.actions.check import examine
from curation.formats.regions import Region as Value
from curation.formats.regions import canonical
from curation.models import Annotation, AnnotationRevision, Label, Media, Region, StoredObject
from curation.tests.damage import content_of
from curation.tests.deeds import NOBODY, actor, collect_now, label, stored_annotation, stored_media
from curation.tests.labels import box, predicted, say, ship_labels
from curation.tests.threads import patiently, together

SCORED = [box(score=0.87, is_prediction=True, class_id=0), box("tree", x=0.6)]
PLAIN = [box(), box("tree", x=0.6)]


@pytest.fixture(autouse=True)
def _labels(db: None) -> None:
    ship_labels()


def edit(media: Media, said: list[Value], version: int = 0, *, by: Actor = NOBODY, note: str = "") -> Annotation:
    return layers.edit(media, said, by=by, if_version=version, note=note)


def fresh(row: Annotation) -> Annotation:
    return Annotation.objects.select_related("current").get(pk=row.pk)


def humans() -> list[tuple[int, int]]:
    """(media, regions) of human layers."""
    return list(Annotation.objects.filter(origin="human").order_by("media").values_list("media", "regions_count"))


# --- Edit ------------------------------------------------------------------------------------------


def test_an_edit_makes_the_human_layer_with_a_file_of_canonical_json(cast: Cast) -> None:
    media = stored_media()
    layer = edit(media, PLAIN, by=actor(cast.ana), note="two things")
    assert (layer.origin, layer.is_truth, layer.state, layer.owner) == ("human", True, "parsed", cast.ana)
    revision = fresh(layer).current
    assert revision is not None
    assert (revision.number, revision.author_login, revision.note, revision.is_truth) == (1, "ana", "two things", True)
    assert content_of(str(layer.file)) == canonical(PLAIN)
    assert Region.objects.filter(origin="human", is_truth=True, media=media).count() == 2
    assert AuditEntry.objects.get(action="annotation.edit").row_id == layer.pk


def test_a_picture_with_nothing_on_it_is_decided_as_well() -> None:
    layer = edit(stored_media(), [])
    assert (layer.state, layer.regions_count) == ("parsed", 0)
    assert content_of(str(layer.file)) == b"[]"


def test_the_next_edit_is_the_next_revision_and_the_same_is_none() -> None:
    media = stored_media()
    layer = edit(media, PLAIN)
    same = edit(media, PLAIN[::-1], layer.version)
    assert (same.pk, same.version) == (layer.pk, layer.version)
    edit(media, [box("sky")], layer.version)
    assert list(layer.revisions.order_by("number").values_list("number", flat=True)) == [1, 2]
    assert [row.label.code for row in Region.objects.select_related("label") if row.label] == ["sky"]


def test_who_did_not_see_the_layer_as_it_is_changes_nothing() -> None:
    media = stored_media()
    with pytest.raises(Stale):
        edit(media, PLAIN, 1)
    layer = edit(media, PLAIN)
    for version in (0, layer.version - 1, layer.version + 1):
        with pytest.raises(Stale):
            edit(media, [], version)
    assert AnnotationRevision.objects.count() == 1


@pytest.mark.parametrize(
    ("said", "sentence"),
    [([box(score=0.5)], "never truth"), ([box(is_prediction=True)], "never truth"), ([box("")], "no living label"),
     ([box("fire")], "no living label"), ([box()] * 2001, "at most 2000")],
)  # fmt: skip
def test_a_person_says_no_scores_and_only_labels_that_there_are(said: list[Value], sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        edit(stored_media(), said)
    assert not Annotation.objects.exists()


def test_a_retired_label_stays_where_it_was_and_goes_nowhere_else() -> None:
    media, other = stored_media(1), stored_media(2)
    layer = edit(media, [box("tree")])
    taxonomy.retire(Label.objects.get(code="tree"), by=NOBODY)
    assert edit(media, [box("tree"), box("sky", x=0.6)], layer.version).regions_count == 2
    with pytest.raises(Invalid, match="no living label 'tree'"):
        edit(other, [box("tree")])


def test_a_deleted_media_is_not_edited() -> None:
    media = stored_media()
    Media.objects.filter(pk=media.pk).update(deleted_at="2026-01-01T00:00:00Z")
    with pytest.raises(NotFound):
        edit(media, PLAIN)


def test_a_file_never_takes_the_place_of_what_a_person_decided() -> None:
    """Six columns, sent to the human layer: neither kept nor truth."""
    layer = edit(stored_media(), PLAIN)
    with pytest.raises(Conflict, match="takes no file"):
        label(layer, b"0 0.5 0.5 0.1 0.1 0.9\n")
    assert layer.revisions.count() == 1


# --- Accept ----------------------------------------------------------------------------------------


def test_accepting_copies_predictions_to_a_human_layer_without_their_scores(cast: Cast) -> None:
    source = predicted(stored_media(), SCORED)
    [layer] = layers.accept([source], by=actor(cast.ana))
    assert content_of(str(layer.file)) == canonical(PLAIN)
    assert (layer.origin, layer.is_truth, layer.owner) == ("human", True, cast.ana)
    revision = fresh(layer).current
    assert revision is not None
    assert revision.note == f"accepted from revision 1 of annotation {source.pk}"
    said = Region.objects.order_by("origin", "x1").values_list("origin", "is_truth", "score")
    assert list(said) == [
        ("human", True, None), ("human", True, None), ("prediction", False, 0.87), ("prediction", False, None),
    ]  # fmt: skip
    entry = AuditEntry.objects.get(action="annotation.accept")
    assert entry.after is not None
    assert (entry.row_id, entry.after["from"], entry.actor_login) == (layer.pk, source.pk, "ana")
    assert fresh(source).origin == "prediction"


def test_accepting_again_changes_nothing() -> None:
    source = predicted(stored_media(), SCORED)
    [one] = layers.accept([source], by=NOBODY)
    [two] = layers.accept([source], by=NOBODY)
    assert (one.pk, AnnotationRevision.objects.count()) == (two.pk, 2)


def test_an_accepted_layer_is_edited_like_any_other() -> None:
    source = predicted(stored_media(), SCORED)
    [layer] = layers.accept([source], by=NOBODY)
    edit(source.media, [box()], fresh(layer).version)
    assert fresh(layer).regions_count == 1
    with pytest.raises(Conflict, match="another human layer"):
        layers.accept([source], by=NOBODY)


def test_a_whole_sequence_is_accepted_or_none_of_it() -> None:
    sources = [predicted(stored_media(seed), [box(score=0.1 * seed)]) for seed in range(1, 5)]
    edit(sources[3].media, [box("sky")])
    before = humans()
    with pytest.raises(Conflict, match="another human layer"):
        layers.accept(sources, by=NOBODY)
    assert humans() == before
    made = layers.accept(sources[:3][::-1], by=NOBODY)
    assert [layer.media_id for layer in made] == [source.media_id for source in sources[:3][::-1]]
    assert len(humans()) == 4
    assert examine(full=True).clean


def accepting(sources: list[Annotation]) -> int:
    with CaptureQueriesContext(connection) as caught:
        layers.accept(sources, by=NOBODY)
    return len(caught)


def test_a_sequence_of_twelve_takes_as_many_statements_as_one() -> None:
    """But for the ledger's, whose rows are settled one by one."""
    one = accepting([predicted(stored_media(0), [box(x=0.5)])])
    twelve = accepting([predicted(stored_media(seed), [box(x=0.3)]) for seed in range(1, 13)])
    assert twelve <= one


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ([box("strange")], "says 'strange'"),
        ([box("")], "without a label"),
    ],
)
def test_what_no_person_could_say_is_not_accepted(said: list[Value], sentence: str) -> None:
    source = predicted(stored_media(), said)
    with pytest.raises(Conflict, match=sentence):
        layers.accept([source], by=NOBODY)
    assert humans() == []


def test_neither_is_a_file_that_was_not_read_nor_a_human_layer() -> None:
    media = stored_media()
    for source, sentence in ((stored_annotation(media), "are not known"), (edit(media, PLAIN), "decided already")):
        with pytest.raises(Conflict, match=sentence):
            layers.accept([fresh(source)], by=NOBODY)


def test_two_layers_of_one_media_are_not_accepted_at_once() -> None:
    media = stored_media()
    with pytest.raises(Conflict, match="about one media"):
        layers.accept([predicted(media, SCORED), predicted(media, PLAIN)], by=NOBODY)


def test_there_is_an_end_to_what_is_accepted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [predicted(stored_media(seed), SCORED) for seed in range(2)]
    with pytest.raises(Invalid, match="Between 1 and"):
        layers.accept([], by=NOBODY)
    monkeypatch.setattr(layers, "ACCEPTED_MAX", 1)
    with pytest.raises(Invalid, match="Between 1 and 1"):
        layers.accept(sources, by=NOBODY)
    monkeypatch.setattr(layers, "ACCEPTED_MAX", 2)
    monkeypatch.setattr(layers, "ACCEPTED_REGIONS", 3)
    with pytest.raises(Invalid, match="At most 3"):
        layers.accept(sources, by=NOBODY)
    monkeypatch.setattr(layers, "ACCEPTED_REGIONS", 4)
    assert len(layers.accept(sources, by=NOBODY)) == 2


def test_what_changed_or_went_since_it_was_looked_at_is_not_accepted() -> None:
    source = predicted(stored_media(1), SCORED)
    seen = fresh(source)
    say(source, PLAIN)
    with pytest.raises(Conflict, match="a moment ago"):
        layers.accept([seen], by=NOBODY)
    gone = predicted(stored_media(2), SCORED)
    Media.objects.filter(pk=gone.media_id).update(deleted_at="2026-01-01T00:00:00Z")
    with pytest.raises(NotFound):
        layers.accept([gone], by=NOBODY)
    assert humans() == []
    Media.objects.update(deleted_at=None)


# --- Restore and compare ---------------------------------------------------------------------------


def test_going_back_is_a_new_revision_with_the_old_file(cast: Cast) -> None:
    media = stored_media()
    layer = edit(media, PLAIN)
    layer = edit(media, [box("sky")], layer.version)
    first = layers.revision_of(layer, 1)
    restored = layers.restore(fresh(layer), first, by=actor(cast.carl))
    assert restored.current is not None
    assert (restored.current.number, restored.current.note) == (3, "restored revision 1")
    assert (restored.file, restored.regions_count, restored.sha256) == (first.file, 2, first.sha256)
    assert Region.objects.count() == 2
    again = layers.restore(fresh(layer), layers.revision_of(layer, 3), by=NOBODY)
    assert again.version == restored.version
    collect_now()
    assert examine(full=True).clean


def test_a_file_that_was_never_read_is_restored_as_well() -> None:
    annotation = stored_annotation(stored_media(), b"one\n")
    label(annotation, b"two\n")
    restored = layers.restore(fresh(annotation), layers.revision_of(annotation, 1), by=NOBODY)
    assert (content_of(str(restored.file)), restored.state) == (b"one\n", "stored")


def test_only_what_the_annotation_said_is_restored() -> None:
    one, other = predicted(stored_media(1), PLAIN), predicted(stored_media(2), PLAIN)
    with pytest.raises(NotFound):
        layers.restore(one, layers.revision_of(other, 1), by=NOBODY)
    for number in (2, 2**40):
        with pytest.raises(NotFound):
            layers.revision_of(one, number)


def test_who_saw_an_older_state_restores_nothing() -> None:
    annotation = predicted(stored_media(), PLAIN)
    seen = fresh(annotation)
    say(annotation, [box("sky")])
    say(annotation, [box("road")])
    with pytest.raises(Conflict):
        layers.restore(seen, layers.revision_of(annotation, 2), by=NOBODY)


def test_revisions_are_compared_where_both_are_known() -> None:
    annotation = say(predicted(stored_media(), [box(), box("tree", x=0.6)]), [box(x=0.15), box("sky", x=0.6)])
    one, two = (layers.revision_of(annotation, number) for number in (1, 2))
    found = layers.diff(one, two)
    assert (len(found.moved), len(found.relabelled), found.added, found.removed) == (1, 1, [], [])
    label(annotation, b"a file\n")
    with pytest.raises(Conflict, match="revision 3 are not known"):
        layers.diff(one, layers.revision_of(annotation, 3))


def test_history_keeps_the_name_of_an_access_that_is_deleted(cast: Cast) -> None:
    layer = edit(stored_media(), PLAIN, by=actor(cast.ana))
    accesses.delete(Access.objects.get(pk=cast.ana.pk), by=actor(cast.ada))
    assert list(layer.revisions.values_list("author_login", flat=True)) == ["ana"]


# --- Many at once ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_accepts_and_an_edit_at_once_one_layer_comes() -> None:
    for seed in range(12):
        source = fresh(predicted(stored_media(seed), SCORED))
        media = source.media
        acts: list[Any] = [
            partial(patiently, partial(layers.accept, [source], by=NOBODY)),
            partial(patiently, partial(layers.accept, [source], by=NOBODY)),
            partial(patiently, partial(edit, media, [box("sky")])),
        ]
        results = together(acts)
        layer = Annotation.objects.get(media=media, origin="human")
        assert layer.revisions.count() == 1
        refused = [result for result in results if isinstance(result, (Conflict, Stale))]
        assert len(refused) in {1, 2}, results
        assert Region.objects.filter(annotation=layer).count() == layer.regions_count
    assert examine(full=True).clean


@pytest.mark.django_db(transaction=True)
def test_of_many_edits_of_one_version_one_wins() -> None:
    media = stored_media()
    layer = edit(media, [])
    acts = [partial(patiently, partial(edit, media, [box(x=n / 10)], layer.version)) for n in range(6)]
    results = together(acts)
    assert sum(isinstance(result, (Conflict, Stale)) for result in results) == 5
    assert layer.revisions.count() == 2
    assert Region.objects.count() == 1
    assert examine(full=True).clean


@pytest.mark.django_db(transaction=True)
def test_two_sequences_that_share_a_media_are_not_both_accepted_by_halves() -> None:
    shared = stored_media(0)
    one = [predicted(shared, SCORED), *[predicted(stored_media(seed), SCORED) for seed in (1, 2)]]
    two = [*[predicted(stored_media(seed), SCORED) for seed in (3, 4)], predicted(shared, [box("sky")])]
    results = together([partial(patiently, partial(layers.accept, rows, by=NOBODY)) for rows in (one, two)])
    assert sum(isinstance(result, Conflict) for result in results) == 1
    assert len(humans()) == 3


@pytest.mark.django_db(transaction=True)
def test_a_layer_that_is_edited_while_its_annotation_is_deleted_leaves_no_rows_behind() -> None:
    for seed in range(8):
        media = stored_media(seed)
        layer = edit(media, PLAIN)
        together(
            [
                partial(patiently, partial(edit, media, [box("sky")], layer.version)),
                partial(files.delete, fresh(layer), by=NOBODY),
            ]
        )
    assert examine(full=True).clean
    assert StoredObject.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_waited_for_somebody_elses_change_is_told_so_and_changes_nothing() -> None:
    """What PostgreSQL had found before it waited must be asked again afterwards."""
    first = edit(stored_media(1), PLAIN)
    layer = edit(first.media, [box("sky")], first.version)
    late = fresh(layer)

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            layers.restore(layer, layers.revision_of(layer, 1), by=NOBODY)
            waiting = pool.submit(together, [partial(files.delete, late, by=NOBODY)])
            time.sleep(0.3)  # it waits for the row, or for the database
        told = waiting.result()

    assert isinstance(told[0], Conflict)
    assert Annotation.objects.living().filter(pk=layer.pk).exists()
    assert examine(full=True).clean
