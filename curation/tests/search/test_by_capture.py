"""The list of media in the workbench turns to the order of capture when a span of capture times is asked for."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tests.cast import Cast
from accounts.tests.test_admin import enter, text
from curation.admin.media import MediaAdmin
from curation.models import Media
from curation.tests.labels import ship_labels
from curation.tests.places import NOON
from curation.tests.search.helpers import seen
from curation.tests.search.test_pages import LIST, listed

pytestmark = pytest.mark.django_db
SPAN = "captured_from=2000-01-01T00:00&captured_to=2100-01-01T00:00"
SAID = "In the order of capture, the latest first."


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MediaAdmin, "list_per_page", 3)


@pytest.fixture
def by_capture() -> list[int]:
    """Ten media whose numbers and times do not run together, two of them of one moment; the latest first."""
    minutes = [5, 1, 9, 9, 3, 7, 2, 8, 0, 4]
    times = [NOON + timedelta(minutes=minute, microseconds=7) for minute in minutes]
    rows = [Media(type="image", captured_at=at, captured_basis="client") for at in times]
    Media.objects.bulk_create([*rows, Media(type="image")])
    dated = Media.objects.exclude(captured_at=None)
    return list(dated.order_by("-captured_at", "-pk").values_list("pk", flat=True))


def leaf(client: Any, word: str, query: str) -> list[list[int]]:
    """Rows of each page, by following Older or Newer from the first one that is asked for."""
    pages, address = [], f"?{query}"
    while address:
        pages.append(listed(client, address[1:]))
        found = re.search(rf'<a href="(\?[^"]*)"[^>]*>{word}</a>', text(client.get(f"{LIST}{address}")))
        address = found[1].replace("&amp;", "&") if found else ""
    return pages


@pytest.mark.parametrize("query", ["captured_from=2000-01-01T00:00", "captured_to=2100-01-01T00:00", SPAN])
def test_a_span_of_times_is_shown_by_time_and_says_so(cast: Cast, by_capture: list[int], query: str) -> None:
    client = enter(cast.carl)
    assert listed(client, query) == by_capture[:3]
    assert SAID in text(client.get(f"{LIST}?{query}"))


@pytest.mark.parametrize("query", ["", "type=image", "captured_from=whenever"])
def test_without_one_the_newest_come_first_as_ever(cast: Cast, by_capture: list[int], query: str) -> None:
    client = enter(cast.carl)
    assert listed(client, query) == list(Media.objects.order_by("-pk").values_list("pk", flat=True)[:3])
    assert SAID not in text(client.get(f"{LIST}?{query}"))


def test_older_leads_to_each_media_once_and_newer_back(cast: Cast, by_capture: list[int]) -> None:
    client = enter(cast.carl)
    assert leaf(client, "Older", SPAN) == [by_capture[:3], by_capture[3:6], by_capture[6:9], by_capture[9:]]
    last = Media.objects.get(pk=by_capture[8])
    assert last.captured_at is not None
    micros = int(last.captured_at.timestamp()) * 1_000_000 + last.captured_at.microsecond
    back = leaf(client, "Newer", f"{SPAN}&p=before-{last.pk}.{micros}")
    assert back == [by_capture[9:], by_capture[6:9], by_capture[3:6], by_capture[:3]]


def test_a_media_with_several_regions_that_fit_comes_once(cast: Cast, by_capture: list[int]) -> None:
    ship_labels()
    for media in Media.objects.exclude(captured_at=None):
        seen(media, "smoke", 0.5)
        seen(media, "smoke", 0.6)
    pages = leaf(enter(cast.carl), "Older", f"label=smoke&{SPAN}")
    assert pages == [by_capture[:3], by_capture[3:6], by_capture[6:9], by_capture[9:]]
    assert leaf(enter(cast.carl), "Newer", f"label=smoke&{SPAN}&p=before-{by_capture[8]}.9999999999999999")[0] == [
        *by_capture[:3]
    ]


def test_leafing_goes_on_when_the_media_beside_is_moved_in_time(cast: Cast, by_capture: list[int]) -> None:
    client = enter(cast.carl)
    older = re.search(r'<a href="(\?[^"]*)"[^>]*>Older</a>', text(client.get(f"{LIST}?{SPAN}")))
    assert older is not None
    Media.objects.filter(pk=by_capture[2]).update(captured_at=NOON - timedelta(days=1))
    assert listed(client, older[1].replace("&amp;", "&")[1:]) == by_capture[3:6]


@pytest.mark.parametrize(
    "cursor",
    [
        "before-7", "after-7", "before-7.", "before-.7", "before-0.7", "before-7.x", "after-7." + "9" * 18,
        "after-7.-" + "9" * 18, "before-99999999999999999999.7", "before-7.٣", "x",
    ],
)  # fmt: skip
def test_a_cursor_that_leads_nowhere_is_answered_by_the_first_page(
    cast: Cast, by_capture: list[int], cursor: str
) -> None:
    assert listed(enter(cast.carl), f"{SPAN}&p={cursor}") == by_capture[:3]


def test_a_cursor_of_times_is_none_in_the_order_of_numbers(cast: Cast, by_capture: list[int]) -> None:
    assert listed(enter(cast.carl), f"p=before-{by_capture[4]}.7") == listed(enter(cast.carl))


def test_no_page_skips_rows_or_counts_them(cast: Cast, by_capture: list[int]) -> None:
    client = enter(cast.carl)
    for cursor in ("", "&p=before-7.1752507200000000", "&p=after-7.7"):
        with CaptureQueriesContext(connection) as caught:
            client.get(f"{LIST}?{SPAN}{cursor}")
        asked = [query["sql"] for query in caught.captured_queries if '"curation_media"."captured_at" ' in query["sql"]]
        assert asked
        assert [sql for sql in asked if "OFFSET" in sql or "COUNT(" in sql or "LIMIT 4" not in sql] == []
