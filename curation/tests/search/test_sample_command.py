"""manage.py sample."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from curation.models import Collection
from curation.tests.labels import ship_labels
from curation.tests.search.helpers import pictured, seen
from curation.tests.search.test_sampling import hills

pytestmark = pytest.mark.django_db
HARD = ("--query", "label_kind=false_positive", "--order", "score_desc", "--per", "view", "--at-most", "3")


def sample(*arguments: str) -> str:
    out = StringIO()
    call_command("sample", *arguments, stdout=out)
    return out.getvalue()


def test_a_sample_is_drawn_told_and_drawn_again() -> None:
    hills(4, 10)
    told = json.loads(sample(*HARD, "--count", "9", "--json"))
    assert told["ids"] == [1030, 1019, 1008, 1038, 1027, 1016, 1005, 1035, 1024]
    assert (told["drawn"], told["fitting"], told["beyond_count_or_quota"]) == (9, 40, 31)
    assert sample(*HARD, "--count", "9").splitlines()[:2] == ["1030", "1019"]
    assert not Collection.objects.exists()


def test_a_sample_is_kept_under_a_name_once() -> None:
    hills(4, 10)
    told = json.loads(sample(*HARD, "--keep", "hard ones", "--json"))
    kept = Collection.objects.get()
    assert (kept.name, kept.size, kept.seed) == ("hard ones", 12, 0)
    assert kept.frozen_at is not None
    assert sorted(told["ids"]) == list(kept.items.order_by("media").values_list("media", flat=True))
    with pytest.raises(CommandError, match="of this name already"):
        sample(*HARD, "--keep", "Hard Ones")
    assert Collection.objects.count() == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--query", "label=nonsense"), "label: "),
        (("--query", "smoke"), "name=value"),
        (("--query", "light=dusk"), "light: "),
        (("--count", "0"), "count: "),
        (("--per", "view"), "at_most: "),
        (("--seed", "-1"), "seed: "),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    ship_labels()
    with pytest.raises(CommandError, match=sentence):
        sample(*arguments)


def test_unscored_ones_are_told() -> None:
    ship_labels()
    seen(pictured(1), "antenna", None)
    assert "unscored 1" in sample("--order", "score_desc")
