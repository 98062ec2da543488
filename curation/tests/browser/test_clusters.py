"""Near-duplicates are decided about in a real browser, by single keys; and by buttons where scripts are off."""

from __future__ import annotations

import pytest

from accounts.models import Access
from accounts.tests.cast import make_access, with_password
from curation.actions.derive import derive_now
from curation.models import Cluster, ClusterItem, Media
from curation.tests.browser.visits import Visitor
from curation.tests.deeds import NOBODY, stored_media


@pytest.fixture
def carl(transactional_db: None) -> Access:
    return with_password(make_access("carl", "curator"))


def cluster_of(*media: Media) -> Cluster:
    cluster = Cluster.objects.create(centre=bytes(32), size=len(media))
    for distance, row in enumerate(media):
        derive_now(row, by=NOBODY)
        ClusterItem.objects.create(cluster=cluster, media=row, media_sha256=row.sha256, distance=distance)
    return cluster


def test_a_curator_decides_by_keys_goes_on_and_takes_it_back(visitor: Visitor, carl: Access) -> None:
    older = cluster_of(stored_media(10), stored_media(11))
    newer = cluster_of(*(stored_media(n) for n in range(4)))
    page = visitor.log_in("carl")
    visitor.goto("/admin/curation/cluster/")
    visitor.looks_right(wide=True)
    visitor.shoot("cluster-list")
    visitor.goto(f"/admin/curation/cluster/{newer.pk}/change/")
    visitor.looks_right()
    visitor.shoot("cluster-page")

    for key in ("ArrowRight", "ArrowRight", "k"):
        page.keyboard.press(key)
    page.get_by_text("keep one (media").wait_for()
    page.wait_for_url(f"**/{older.pk}/change/")  # the next one that awaits a look
    newer.refresh_from_db()
    second = ClusterItem.objects.filter(cluster=newer).order_by("pk")[1].media_id
    assert (newer.decision, newer.kept_id) == ("keep_one", second)

    page.keyboard.press("n")
    page.get_by_text("not duplicates.").wait_for()
    older.refresh_from_db()
    assert older.decision == "not_duplicates"
    visitor.looks_right()
    page.keyboard.press("u")
    page.get_by_text("Nothing is decided about this cluster any more").wait_for()
    page.get_by_role("button", name="Keep all").focus()
    page.keyboard.press("Enter")
    page.get_by_text("keep all.").wait_for()
    assert visitor.troubles == []
