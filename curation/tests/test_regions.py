"""The index of regions: made with each revision, made anew at any time, checked against the revisions."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from accounts.refusals import Conflict, Invalid
from accounts.tests.cast import Cast
from curation.actions import annotations as layers
from curation.actions import media as pictures
from curation.actions import regions
from curation.actions.check import examine
from curation.actions.regions import Said
from curation.formats.regions import digest
from curation.models import Annotation, AnnotationRevision, Label, Media, Region
from curation.tests.deeds import NOBODY, label, stored_media
from curation.tests.labels import box, predicted, say, ship_labels

SEEN = [box("smoke", score=0.87), box("strange", x=0.6, object_id="7", frame=3, attributes={"iscrowd": 1})]


@pytest.fixture(autouse=True)
def _labels(db: None) -> None:
    ship_labels()


def told(annotation: Annotation) -> list[tuple[Any, ...]]:
    rows = Region.objects.filter(annotation=annotation).order_by("x1")
    return list(rows.values_list("label__code", "score", "x1", "x2", "object_id", "frame"))


def codes_of() -> dict[str, int]:
    return {str(code): count for code, count in examine(full=False).counts.items()}


def test_a_revision_that_was_understood_is_indexed() -> None:
    annotation = predicted(stored_media(), SEEN)
    assert told(annotation) == [("smoke", 0.87, 0.1, 0.3, "", None), (None, None, 0.6, 0.8, "7", 3)]
    revision = AnnotationRevision.objects.get()
    annotation.refresh_from_db()
    assert (annotation.regions_count, annotation.state, annotation.current) == (2, "parsed", revision)
    assert revision.regions_sha256 == revision.sha256 == digest(SEEN)
    row = Region.objects.get(frame=3)
    assert (row.attributes, row.origin, row.is_truth, row.media_id, row.revision) == (
        {"iscrowd": 1}, "prediction", False, annotation.media_id, revision,
    )  # fmt: skip


def test_a_polygon_is_indexed_with_its_points() -> None:
    points = ((0.1, 0.1), (0.3, 0.1), (0.2, 0.3))
    predicted(stored_media(), [box(kind="polygon", points=points)])
    assert Region.objects.get().points == [[0.1, 0.1], [0.3, 0.1], [0.2, 0.3]]


def test_the_next_revision_takes_the_place_of_the_one_before() -> None:
    annotation = say(predicted(stored_media(), SEEN), [box("tree")])
    assert told(annotation) == [("tree", None, 0.1, 0.3, "", None)]


def test_a_file_that_was_not_read_has_no_regions() -> None:
    annotation = label(predicted(stored_media(), SEEN), b"a next file\n")
    assert told(annotation) == []
    assert (annotation.regions_count, annotation.state) == (0, "stored")


def test_regions_follow_their_annotation_and_end_with_it() -> None:
    annotation, other = predicted(stored_media(), SEEN), stored_media(2)
    layers.move(annotation, other, by=NOBODY)
    assert set(Region.objects.values_list("media", flat=True)) == {other.pk}
    layers.delete(annotation, by=NOBODY)
    assert not Region.objects.exists()
    assert examine(full=False).clean


def test_who_may_not_see_an_annotation_sees_no_region_of_it(cast: Cast) -> None:
    annotation = predicted(stored_media(), SEEN)
    Annotation.objects.filter(pk=annotation.pk).update(owner=cast.tower)
    for access, count in ((cast.tower, 2), (cast.ada, 2), (cast.olga, 0)):
        assert Region.objects.visible_to(access).count() == count


# --- Limits ----------------------------------------------------------------------------------------


def _polygon(points: int) -> Any:
    """A zigzag."""
    corners = tuple((0.1 + n / 10_000, 0.1 + n % 2 / 10) for n in range(points))
    return box(kind="polygon", points=corners, size=0.6)


@pytest.mark.parametrize(
    ("fits", "passes", "sentence"),
    [
        ([box()] * 2000, [box()] * 2001, "at most 2000 regions"),
        ([_polygon(500)], [_polygon(501)], "at most 500 points"),
        ([box(object_id="x" * 200)], [box(object_id="x" * 201)], "at most 200 characters"),
        ([box("x" * 200)], [box("x" * 201)], "at most 200 characters"),
        ([box(frame=2**31 - 1)], [box(frame=2**31)], "no such frame"),
        ([box(attributes={"a": "x" * 2039})], [box(attributes={"a": "x" * 2040})], "at most 2048 bytes"),
    ],
    ids=["regions", "points", "object id", "label", "frame", "attributes"],
)
def test_each_limit_has_two_sides(fits: Any, passes: Any, sentence: str) -> None:
    assert predicted(stored_media(), fits).regions_count == len(fits)
    with pytest.raises(Invalid, match=sentence):
        Said(passes)


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"x1": -0.001}, "region_lies_within_the_width"),
        ({"x2": 1.001}, "region_lies_within_the_width"),
        ({"x1": 0.5, "x2": 0.5}, "region_lies_within_the_width"),
        ({"y1": -0.001}, "region_lies_within_the_height"),
        ({"y2": 1.001}, "region_lies_within_the_height"),
        ({"y1": 0.5, "y2": 0.4}, "region_lies_within_the_height"),
        ({"score": 1.001}, "region_score_is_0_to_1"),
        ({"score": -0.001}, "region_score_is_0_to_1"),
        ({"is_truth": True, "score": None}, "a_predicted_region_is_no_truth"),
        ({"is_truth": True, "origin": "imported"}, "a_region_with_score_is_no_truth"),
        ({"origin": "rumour"}, "region_origin_is_known"),
        ({"kind": "polygon"}, "a_polygon_alone_has_points"),
        ({"points": [[0, 0]]}, "a_polygon_alone_has_points"),
    ],
)
def test_the_database_knows_the_rules_of_regions(columns: dict[str, Any], constraint: str) -> None:
    predicted(stored_media(), [box(score=0.5)])
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Region.objects.update(**columns)


def test_a_region_may_touch_every_edge() -> None:
    predicted(stored_media(), [box(x=0, y=0, size=1, score=0.0), box(x=0, y=0, size=1, score=1.0)])
    assert Region.objects.count() == 2


@pytest.mark.parametrize("said", [box(score=0.5), box(is_prediction=True)])
def test_what_a_model_said_is_indexed_as_truth_by_nobody(said: Any) -> None:
    """A line of six columns in a file that was declared to be truth."""
    with pytest.raises(Invalid, match="never truth"):
        predicted(stored_media(), [box(), said], origin="imported", is_truth=True)
    assert not Region.objects.exists()


def test_an_import_declared_as_truth_is_indexed_as_truth() -> None:
    predicted(stored_media(), [box()], origin="imported", is_truth=True)
    assert Region.objects.get().is_truth


@pytest.mark.parametrize(
    "said",
    [box(attributes={"a": "\0"}), box(attributes={"\0": 1}), box(attributes={"a": ["\ud800"]}), box("\0"),
     box(object_id="\ud800"), box(attributes={"a": float("nan")}), box(size=2), box(score=1.1)],
)  # fmt: skip
def test_what_no_database_keeps_is_refused(said: Any) -> None:
    with pytest.raises(Invalid):
        Said([said])


def test_numbers_come_back_as_they_were_digested() -> None:
    attributes = {"whole": 1e20, "small": 1.5e-9, "list": [2.0, {"deep": -0.0}], "yes": True, "none": None}
    annotation = predicted(stored_media(), [box(x=0, y=1e-9, size=0.1 * 3, score=1, attributes=attributes)])
    annotation.refresh_from_db()
    assert annotation.current is not None
    [region] = regions.of(annotation.current) or []
    assert (region.x1, region.y1, region.x2, region.score) == (0.0, 1e-9, 0.3, 1.0)
    assert region.attributes == attributes


# --- Made anew -------------------------------------------------------------------------------------


def reindexed(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("reindex_regions", "--json", *arguments, stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_a_lost_index_is_found_and_made_anew() -> None:
    annotations = [predicted(stored_media(seed), SEEN) for seed in range(3)]
    before = list(map(told, annotations))
    Region.objects.filter(annotation=annotations[1]).delete()
    assert codes_of() == {"regions_not_indexed": 1}

    found = reindexed("--missing")

    assert (found["annotations"], found["indexed"], found["regions"], found["problems"]) == (3, 1, 2, [])
    assert list(map(told, annotations)) == before
    assert examine(full=False).clean
    assert reindexed("--missing")["indexed"] == 0
    assert reindexed()["indexed"] == 3
    assert list(map(told, annotations)) == before


def test_it_goes_on_after_an_annotation() -> None:
    first, second = predicted(stored_media(1), SEEN), predicted(stored_media(2), SEEN)
    Region.objects.all().delete()
    found = reindexed("--after", str(first.pk))
    assert (found["annotations"], found["last"]) == (1, second.pk)
    assert set(Region.objects.values_list("annotation", flat=True)) == {second.pk}
    assert reindexed("--missing")["indexed"] == 1


def test_rows_of_an_earlier_revision_and_too_many_rows_are_found() -> None:
    annotation = say(predicted(stored_media(), [box("tree")]), [box("sky")])
    Region.objects.update(revision=annotation.revisions.get(number=1))
    assert codes_of() == {"regions_not_indexed": 1}
    assert reindexed("--missing")["indexed"] == 1
    row = Region.objects.get()
    row.pk, row._state.adding = None, True
    row.save()
    assert codes_of() == {"regions_not_indexed": 1}
    assert reindexed("--missing")["indexed"] == 1
    assert examine(full=False).clean


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
def test_groups_of_any_size_index_the_same(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    annotations = [predicted(stored_media(seed), SEEN if seed else []) for seed in range(4)]
    before = list(map(told, annotations))
    monkeypatch.setattr(regions, "TOGETHER", limit)
    monkeypatch.setattr(regions, "ANNOTATIONS", 3)
    assert reindexed()["regions"] == 6
    assert list(map(told, annotations)) == before


def test_a_new_label_is_found_once_the_index_is_made_anew() -> None:
    annotation = predicted(stored_media(), [box("strange")])
    Label.objects.create(code="strange", kind="other", name_en="a", name_fr="b", name_es="c", colour="#000000")
    reindexed()
    assert told(annotation)[0][0] == "strange"


def test_a_wrong_count_is_found_and_mended() -> None:
    predicted(stored_media(), SEEN)
    Annotation.objects.update(regions_count=3)
    assert codes_of() == {"regions_count_differs": 1, "regions_not_indexed": 1}
    reindexed("--missing")
    assert examine(full=False).clean


@pytest.mark.damages_storage
def test_damaged_regions_are_told_by_both_and_the_rest_is_indexed(capsys: Any) -> None:
    media, other = stored_media(1), stored_media(2)
    bad = Annotation.objects.create(media=media, origin="imported")
    rotten = AnnotationRevision.objects.create(
        annotation=bad, number=1, file="annotations/" + "ab" * 16 + ".json", sha256="ab" * 32, size=2,
        content_type="application/json", format="regions", origin="imported", regions=[{"kind": "box", "x1": 7}],
        regions_sha256="cd" * 32,
    )  # fmt: skip
    Annotation.objects.filter(pk=bad.pk).update(current=rotten, regions_count=1)
    good = predicted(other, SEEN)
    Region.objects.all().delete()

    assert codes_of()["regions_digest_differs"] == 1
    with pytest.raises(CommandError, match="1 annotations could not be indexed"):
        call_command("reindex_regions")
    assert f"annotation {bad.pk}: The regions of revision 1" in capsys.readouterr().out
    assert len(told(good)) == 2


@pytest.mark.damages_storage
def test_other_regions_than_were_digested_are_found() -> None:
    annotation = Annotation.objects.create(media=stored_media(), origin="imported")
    columns = regions.columns(Said(SEEN)) | {"regions_sha256": digest([box()])}
    revision = AnnotationRevision(annotation=annotation, number=1, origin="imported", **columns)
    source = predicted(annotation.media, SEEN)
    for name in ("file", "sha256", "size", "content_type", "format"):
        setattr(revision, name, getattr(source, name))
    revision.save()
    assert codes_of() == {"regions_digest_differs": 1}


@pytest.mark.parametrize("count", [1, 6])
def test_an_index_takes_as_many_statements_for_many_regions(count: int, django_assert_num_queries: Any) -> None:
    annotation = predicted(stored_media(), [box(y=n / 10) for n in range(count)])
    with django_assert_num_queries(3):
        regions.index(annotation)


def test_a_damaged_revision_says_so() -> None:
    with pytest.raises(Conflict, match="cannot be read"):
        regions.of(AnnotationRevision(number=4, annotation_id=2, regions=[{"kind": "box"}]))


def test_a_deleted_media_may_have_had_regions() -> None:
    media = stored_media()
    layers.delete(predicted(media, SEEN), by=NOBODY)
    pictures.delete(Media.objects.get(pk=media.pk), by=NOBODY)
    assert reindexed()["regions"] == 0
