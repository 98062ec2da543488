"""What is found costs the same however much there is to be found."""

from __future__ import annotations

import pytest

from accounts.tests.cast import Cast, api
from curation.actions import collections as actions
from curation.models import Media
from curation.tests.contract.test_budgets import questions, warm
from curation.tests.deeds import actor
from curation.tests.labels import ship_labels
from curation.tests.places import resolved, taken
from curation.tests.search.helpers import seen

ROUTES = [
    "/media?label=smoke", "/media?state=parsed", "/media?label_kind=smoke&score_from=0.1", "/media?light=day",
    "/media?order=captured", "/media?label=smoke&order=captured&captured_from=2024-01-01T00:00:00Z",
    "/collections/{query}/media", "/collections/{frozen}/media", "/media/{media}/regions",
]  # fmt: skip


def add(count: int) -> None:
    rows = resolved(*(taken(minute, latitude=44.0, longitude=4.0) for minute in range(count)))
    for media in rows:
        seen(media, "smoke", 0.5)
        seen(media, "smoke", 0.6)


@pytest.mark.parametrize("route", ROUTES)
def test_forty_rows_cost_what_two_cost(cast: Cast, route: str) -> None:
    ship_labels()
    add(2)
    query = actions.create("all", query={"label": "smoke"}, by=actor(cast.carl)).pk
    frozen = actions.create("list", by=actor(cast.carl))
    actions.change_items(frozen, add=list(Media.objects.values_list("pk", flat=True)), by=actor(cast.carl))
    client = warm(api(cast.ada))
    first = Media.objects.earliest("pk")
    path = route.format(query=query, frozen=frozen.pk, media=first.pk)
    path += ("&" if "?" in path else "?") + "limit=100"
    few = questions(lambda: client.get(path))
    add(38)
    for _ in range(40):
        seen(first, "smoke", 0.5)
    actions.change_items(frozen, add=list(Media.objects.values_list("pk", flat=True)), by=actor(cast.carl))
    many = questions(lambda: client.get(path))
    assert len(client.get(path).json()) >= 40
    assert len(many) == len(few)
    assert not [sql for sql in many if "OFFSET" in sql or "COUNT(" in sql]
