"""Media are searched in a real browser, the search is kept as a collection and frozen, without the mouse."""

from __future__ import annotations

import pytest

from accounts.models import Access
from accounts.tests.cast import make_access, with_password
from curation.actions.derive import derive_now
from curation.models import Collection, Media
from curation.tests.browser.visits import Visitor
from curation.tests.deeds import NOBODY, stored_media
from curation.tests.labels import box, predicted, ship_labels
from curation.tests.places import NOON


@pytest.fixture
def carl(transactional_db: None) -> Access:
    return with_password(make_access("carl", "curator"))


def test_a_search_is_narrowed_kept_and_frozen_by_keyboard(visitor: Visitor, carl: Access) -> None:
    ship_labels()
    for number in range(6):
        media = stored_media(number)
        derive_now(media, by=NOBODY)
        Media.objects.filter(pk=media.pk).update(captured_at=NOON, captured_basis="client", light="day")
        predicted(media, [box("high_cloud" if number % 2 else "smoke", score=number / 10)])
    page = visitor.log_in("carl")
    visitor.goto("/admin/curation/media/?label_kind=false_positive")
    visitor.looks_right(wide=True)
    visitor.shoot("media-search")
    page.locator("summary", has_text="By score").focus()
    page.keyboard.press("Enter")
    page.get_by_label("From", exact=True).first.fill("0.2")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Keep this search as a collection").wait_for()
    assert page.locator("#result_list tbody tr").count() == 2
    visitor.shoot("media-search-span")
    page.get_by_role("link", name="Keep this search as a collection").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Name").fill("clouds that fool it")
    visitor.looks_right()
    visitor.shoot("collection-new")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Freeze it").wait_for()
    visitor.looks_right()
    visitor.shoot("collection-page")
    page.get_by_role("button", name="Freeze it").focus()
    page.keyboard.press("Enter")
    page.get_by_text("clouds that fool it is frozen.").wait_for()
    visitor.shoot("collection-frozen")
    visitor.goto("/admin/curation/collection/")
    visitor.looks_right(wide=True)
    visitor.goto("/admin/curation/media/?captured_from=2000-01-01T00:00")
    page.get_by_text("In the order of capture, the latest first.").wait_for()
    visitor.looks_right(wide=True)
    visitor.shoot("media-by-capture")
    assert Collection.objects.get().size == 2
    assert visitor.troubles == []


def test_media_of_every_page_are_put_into_a_list_by_keyboard(visitor: Visitor, carl: Access) -> None:
    Media.objects.bulk_create(Media(type="image", original_name=f"{number}.jpg") for number in range(60))
    page = visitor.log_in("carl")
    visitor.goto("/admin/curation/media/?type=image")
    page.get_by_label("Select all objects on this page for an action").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Select all that are found, on every page").focus()
    page.keyboard.press("Enter")
    page.get_by_text("All that are found are selected").wait_for()
    page.get_by_label("Action:").select_option("add_to_list")
    visitor.looks_right(wide=True)
    visitor.shoot("media-ticked")
    page.get_by_role("button", name="Go").focus()
    page.keyboard.press("Enter")
    page.get_by_text("All that the filters find: 60 media.").wait_for()
    page.get_by_role("button", name="Add them").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Choose a list, or name a new one.").wait_for()
    visitor.looks_right()
    visitor.shoot("media-collect")
    page.get_by_label("Name of the new list").fill("summer")
    page.keyboard.press("Enter")
    page.get_by_text("60 media came into").wait_for()
    assert page.url.endswith("/admin/curation/media/?type=image")
    visitor.shoot("media-collected")
    assert Collection.objects.get().items.count() == 60
    assert visitor.troubles == []
