"""What is written of classes, and what becomes of regions by it. Nothing is guessed."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.refusals import Invalid
from curation.actions.meaning.meant import Meant, packed, understood, unpacked
from curation.actions.meaning.rules import Rules, chosen, from_json
from curation.actions.taxonomy import new_mapping, retire
from curation.formats.regions import Parsed, PictureRef, Problem, Region
from curation.models import Label, Origin
from curation.models.label import DROP, LIST, REFUSE
from curation.tests.deeds import NOBODY
from curation.tests.labels import box
from curation.tests.meaning.helpers import asked

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "unmapped", "rules", "on_unknown"),
    [
        ("smoke=smoke", "", {"smoke": "smoke"}, REFUSE),
        ("smoke=smoke,Fire=drop,default=refuse", "", {"smoke": "smoke", "Fire": DROP}, REFUSE),
        ("smoke=smoke,default=drop", "", {"smoke": "smoke"}, DROP),
        ("smoke=smoke,default=keep", "", {"smoke": "smoke"}, LIST),
        ("default=smoke", "", {"default": "smoke"}, REFUSE),  # a code: then it is a class like any other
        ("default=drop", "refuse", {"default": DROP}, REFUSE),
        ("smoke=smoke", "keep", {"smoke": "smoke"}, LIST),
        (" a=b = smoke \n Fire = drop ", "", {"a=b": "smoke", "Fire": DROP}, REFUSE),
    ],
)
def test_rules_are_read_as_they_are_written(text: str, unmapped: str, rules: dict[str, str], on_unknown: str) -> None:
    assert chosen(text, unmapped) == Rules(rules, on_unknown)


@pytest.mark.parametrize(
    ("text", "unmapped", "sentence"),
    [
        ("smoke=", "", "is no rule"),
        ("=smoke", "", "is no rule"),
        ("smoke=smoke,Fire", "", "is no rule"),
        ("smoke=smoke,smoke=drop", "", "has two rules"),
        ("smoke=smog", "", "there is no living label smog"),
        ("smoke=smoke", "guess", "refused, dropped or kept"),
        ("nobody made it", "", "There is no mapping nobody made it"),
        ("a@b", "", "Write class=code"),
        ("", "", "Write class=code"),
        (f"{'c' * 201}=smoke", "", "at most 200"),
        (",".join(f"c{n}=smoke" for n in range(1001)), "", "at most 1000 rules"),
    ],
)
def test_rules_that_nobody_could_follow_are_refused_in_a_sentence(text: str, unmapped: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        chosen(text, unmapped)


def test_a_stored_mapping_is_found_by_its_name_and_version() -> None:
    for code in ("smoke", "wildfire"):
        new_mapping("fires", {"smoke": code}, DROP, by=NOBODY)
    assert chosen("fires") == Rules({"smoke": "wildfire"}, DROP, "fires", 2)
    assert chosen("fires@1") == Rules({"smoke": "smoke"}, DROP, "fires", 1)
    assert chosen("fires@1", "keep").on_unknown == LIST
    with pytest.raises(Invalid, match="no mapping fires@3"):
        chosen("fires@3")


def test_a_mapping_to_a_retired_label_gives_no_new_regions() -> None:
    new_mapping("fires", {"smoke": "wildfire"}, DROP, by=NOBODY)
    retire(Label.objects.get(code="wildfire"), by=NOBODY)
    with pytest.raises(Invalid, match="no living label wildfire"):
        chosen("fires")


def test_rules_that_say_the_same_have_one_digest_whatever_they_are_called() -> None:
    one, other = Rules({"a": "smoke", "b": DROP}), Rules({"b": DROP, "a": "smoke"}, name="x", version=2)
    assert one.digest == other.digest != Rules({"a": "smoke", "b": DROP}, LIST).digest
    assert from_json(other.as_json) == other


# --- Regions ---------------------------------------------------------------------------------------


def meant(*regions: Region, rules: str = "smoke=smoke,fire=wildfire,Fire=drop", **options: Any) -> Meant:
    told = tuple(region._replace(where=f"line {number}") for number, region in enumerate(regions, 1))
    return understood(Parsed(PictureRef("a.jpg"), told), asked(rules, **options))


def test_a_class_is_kept_renamed_dropped_or_refused_and_each_is_told() -> None:
    said = meant(box("smoke", class_id=7), box("fire", x=0.5), box("Fire"), box("tree"), box("", class_id=3))
    assert (said.kept, said.dropped, said.refused) == (2, 1, 2)
    assert [(each["label"], each.get("attributes")) for each in said.regions] == [
        ("wildfire", {"source_class": "fire"}),
        ("smoke", None),
    ]
    assert not any("class_id" in each for each in said.regions)  # a number says nothing any more
    assert said.told == [
        ("line 3", "Fire", "dropped"),
        ("line 4", "tree", "refused, the mapping does not name it"),
        ("line 5", "class 3, which has no name", "refused, the mapping does not name it"),
    ]


def test_a_class_that_is_kept_unmapped_has_no_label_even_where_it_is_called_like_one() -> None:
    said = meant(box("antenna", class_id=2), box("", x=0.5, class_id=4), unmapped="keep")
    assert [(each.get("label"), each.get("class_id"), each.get("attributes")) for each in said.regions] == [
        (None, None, {"source_class": "antenna"}),
        (None, 4, None),
    ]
    assert [what for _, _, what in said.told] == ["kept without a label"] * 2


@pytest.mark.parametrize("region", [box(score=0.9), box(score=0.9, is_prediction=True), box(is_prediction=True)])
def test_what_a_model_said_never_becomes_truth(region: Region) -> None:
    said = meant(box(x=0.5), region, claim="truth")
    assert (said.kept, said.refused, said.is_truth, said.origin) == (1, 1, True, Origin.IMPORTED)
    assert said.told == [("line 2", "smoke", "a prediction, never truth")]


def test_a_picture_of_predictions_alone_is_a_models_layer_and_a_mixed_one_is_not() -> None:
    model = box(score=0.9, is_prediction=True)
    assert meant(model).origin == Origin.PREDICTION
    assert meant(model, box(x=0.5)).origin == Origin.IMPORTED
    assert meant(box(), claim="predictions").origin == Origin.PREDICTION
    assert not meant(model, box(x=0.5)).is_truth


def test_nothing_is_said_where_everything_was_refused() -> None:
    """An empty layer would say that there is nothing to be seen."""
    assert meant(box("tree")).refusal == "Nothing of it could be taken."
    assert meant(box("Fire")).refusal == ""  # dropped, as the curator wants it
    assert meant().refusal == ""


@pytest.mark.parametrize(("count", "refusal"), [(2000, ""), (2001, "A revision has at most 2000 regions.")])
def test_a_picture_has_as_many_regions_as_a_revision_keeps(count: int, refusal: str) -> None:
    said = meant(*(box(object_id=str(number)) for number in range(count)))
    assert (said.refusal, said.kept, said.refused) == (refusal, 0 if refusal else count, count if refusal else 0)


@pytest.mark.parametrize(("count", "told"), [(100, 100), (101, 100)])
def test_a_hundred_things_of_a_picture_are_told_and_all_are_counted(count: int, told: int) -> None:
    said = meant(*(box("Fire") for _ in range(count)))
    assert (said.dropped, len(said.told)) == (count, told)


def test_what_goes_to_disk_comes_back_the_same() -> None:
    parsed = Parsed(PictureRef("a.jpg", "7", "ab" * 32, 10, 20), (box(), box("tree")), (Problem("line 3", "Odd."),), 1)
    said = understood(parsed, asked())
    again = unpacked(packed(said))
    assert (again.regions, again.digest, again.kept, again.problems) == (said.regions, said.digest, 1, 1)
    assert [tuple(line) for line in again.told] == said.told
