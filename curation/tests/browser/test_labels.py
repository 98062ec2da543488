"""Labels, mappings and layers in a real browser, without the mouse."""

from __future__ import annotations

import pytest

from accounts.models import Access
from accounts.tests.cast import make_access, with_password
from curation.actions.taxonomy import new_mapping
from curation.models import Annotation, Label, Mapping, TaxonomyVersion
from curation.tests.browser.visits import Visitor
from curation.tests.deeds import NOBODY, stored_media
from curation.tests.labels import box, predicted, say, ship_labels


@pytest.fixture
def carl(transactional_db: None) -> Access:
    ship_labels()
    return with_password(make_access("carl", "curator"))


def press(visitor: Visitor, name: str) -> None:
    visitor.page.get_by_role("button", name=name, exact=True).focus()
    with visitor.page.expect_navigation(wait_until="networkidle"):
        visitor.page.keyboard.press("Enter")


def test_a_curator_names_and_retires_a_label_by_keyboard(visitor: Visitor, carl: Access) -> None:
    visitor.log_in("carl")
    page = visitor.goto("/admin/curation/label/")
    visitor.looks_right()
    visitor.shoot("labels")
    page.get_by_role("link", name="water_body").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Name in French").fill("lac ou étang")
    page.get_by_label("Retired").focus()
    page.keyboard.press("Space")
    visitor.looks_right()
    visitor.shoot("label")
    press(visitor, "Save")
    label = Label.objects.get(code="water_body")
    assert (label.name_fr, label.retired_at is not None) == ("lac ou étang", True)
    visitor.goto(f"/admin/curation/taxonomyversion/{TaxonomyVersion.objects.order_by('-number')[0].pk}/change/")
    visitor.looks_right()
    visitor.shoot("taxonomy")
    assert visitor.troubles == []


def test_a_curator_writes_a_mapping_by_keyboard(visitor: Visitor, carl: Access) -> None:
    visitor.log_in("carl")
    page = visitor.goto("/admin/curation/mapping/add/")
    page.get_by_label("Name").fill("roboflow")
    page.get_by_label("Rules").fill("smoke = smoke\nFire = fire")
    press(visitor, "Save")
    page.get_by_text("no living label fire").wait_for()
    visitor.looks_right()
    visitor.shoot("mapping-refused")
    page.get_by_label("Rules").fill("smoke = smoke\nFire = drop")
    press(visitor, "Save")
    assert Mapping.objects.get().rules == {"smoke": "smoke", "Fire": "drop"}
    visitor.looks_right()
    visitor.shoot("mapping")
    assert visitor.troubles == []


def test_a_curator_downloads_a_layer_by_keyboard(visitor: Visitor, carl: Access) -> None:
    new_mapping("roboflow", {"Feu": "smoke"}, on_unknown="refuse", by=NOBODY)
    row = predicted(stored_media(), [box("antenna", score=0.4)])
    visitor.log_in("carl")
    page = visitor.goto(f"/admin/curation/annotation/{row.pk}/change/")
    page.get_by_label("in the words of mapping").fill("roboflow")
    press(visitor, "Download")
    page.get_by_text("The mapping makes antenna of no class.").wait_for()
    visitor.looks_right()
    visitor.shoot("layer-download-refused")
    page.get_by_label("As", exact=True).select_option("csv")
    page.get_by_role("button", name="Download", exact=True).focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "smoke.csv"
    assert [line for line in visitor.troubles if "ERR_ABORTED" not in line] == []  # so a download ends for the page


def test_a_curator_accepts_compares_and_goes_back_by_keyboard(visitor: Visitor, carl: Access) -> None:
    row = say(predicted(stored_media(), [box(score=0.4)]), [box(score=0.87), box("tree", x=0.6)])
    visitor.log_in("carl")
    page = visitor.goto(f"/admin/curation/annotation/{row.pk}/change/")
    visitor.looks_right()
    visitor.shoot("layer")
    press(visitor, "Compare")
    page.get_by_text("1 added").wait_for()
    visitor.looks_right()
    visitor.shoot("compare")
    page.get_by_role("link", name=f"Back to annotation {row.pk}").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Revision", exact=True).select_option("1")
    press(visitor, "Go back to it")
    page.get_by_text("Gone back, by a new revision.").wait_for()
    press(visitor, "Accept as what a person sees")
    page.get_by_text("Accepted: this is the human layer now.").wait_for()
    assert Annotation.objects.get(origin="human").regions_count == 1
    visitor.looks_right()
    visitor.shoot("human-layer")
    assert visitor.troubles == []
