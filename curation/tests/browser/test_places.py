"""A drifted view is merged in a real browser, without the mouse, and the merge undone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import Access
from accounts.tests.cast import make_access, with_password
from curation.actions.derive import derive_now
from curation.models import Media, Sequence, View
from curation.tests.browser.visits import Visitor
from curation.tests.deeds import NOBODY, stored_media
from curation.tests.places import NOON, resolved


@pytest.fixture
def carl(transactional_db: None) -> Access:
    return with_password(make_access("carl", "curator"))


def shot(number: int, azimuth: int) -> Media:
    row = stored_media(number)
    derive_now(row, by=NOBODY)
    at = NOON + timedelta(minutes=number)
    told = {"source": "sdis-07", "camera": "brison", "azimuth": azimuth, "captured_at": at, "captured_basis": "client"}
    Media.objects.filter(pk=row.pk).update(**told)
    row.refresh_from_db()
    return row


def test_a_view_is_merged_the_merge_undone_and_a_sequence_split_by_keyboard(visitor: Visitor, carl: Access) -> None:
    rows = resolved(*(shot(n, 110) for n in range(4)), *(shot(n, 127) for n in range(4, 6)))
    old, new = View.objects.order_by("azimuth")
    assert rows[0].view
    page = visitor.log_in("carl")
    for kind, pk in (
        ("camera", rows[0].view.camera_id),
        ("view", new.pk),
        ("sequence", Sequence.objects.earliest("pk").pk),
    ):
        visitor.goto(f"/admin/curation/{kind}/")
        visitor.looks_right(wide=True)
        visitor.shoot(f"{kind}-list")
        visitor.goto(f"/admin/curation/{kind}/{pk}/change/")
        visitor.looks_right()
        visitor.shoot(f"{kind}-page")

    visitor.goto(f"/admin/curation/view/{old.pk}/change/")
    page.get_by_role("link", name="Merge into another").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Yes, merge it").wait_for()
    visitor.looks_right()
    visitor.shoot("view-merge")
    page.get_by_label("Show its pictures with").select_option(str(new.pk))
    page.get_by_role("button", name="Yes, merge it").focus()
    page.keyboard.press("Enter")
    page.get_by_text("are shown with brison 127°").wait_for()
    visitor.looks_right()
    visitor.shoot("view-merged")

    visitor.goto(f"/admin/curation/view/{old.pk}/change/")
    page.get_by_role("button", name="Undo the merge").focus()
    page.keyboard.press("Enter")
    page.get_by_text("stands for itself again").wait_for()
    assert not View.objects.exclude(merged_into=None).exists()

    whole = Sequence.objects.earliest("pk")
    visitor.goto(f"/admin/curation/sequence/{whole.pk}/change/")
    page.get_by_role("link", name="Split in two").focus()
    page.keyboard.press("Enter")
    page.get_by_role("radio").first.wait_for()
    visitor.looks_right()
    visitor.shoot("sequence-split")
    page.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Split it here").focus()
    page.keyboard.press("Enter")
    page.get_by_text("begins with").wait_for()
    assert whole.items.count() == 2
    assert visitor.troubles == []
