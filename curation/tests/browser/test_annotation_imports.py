"""A curator uploads a file of labels, chooses a mapping, and reads what became of it, by keyboard."""

from __future__ import annotations

import pytest

from accounts.models import Access
from accounts.tests.cast import make_access, with_password
from curation.actions.taxonomy import new_mapping
from curation.jobs.handlers import HANDLERS
from curation.models import ImportRun, Region
from curation.tests.browser.visits import Visitor
from curation.tests.deeds import NOBODY
from curation.tests.importing.test_doors import Attempt
from curation.tests.labels import ship_labels
from curation.tests.meaning.helpers import coco, named


@pytest.fixture
def carl(transactional_db: None) -> Access:
    ship_labels()
    return with_password(make_access("carl", "curator"))


def test_labels_are_uploaded_and_given_a_meaning(visitor: Visitor, carl: Access) -> None:
    for number in range(3):
        named(f"frame-{number}.jpg", number)
    new_mapping("roboflow fires", {"smoke": "smoke", "Fire": "drop"}, "refuse", by=NOBODY)
    page = visitor.log_in("carl")
    visitor.goto("/admin/curation/annotationimport/add/")
    visitor.looks_right()
    visitor.shoot("meaning-add")
    images = [{"id": number, "file_name": f"frame-{number}.jpg"} for number in range(4)]
    content = coco(images, [(0, 3), (0, 1), (1, 2), (2, 3), (3, 3)])
    page.get_by_label("File or archive").set_input_files(
        {"name": "boxes.json", "mimeType": "application/json", "buffer": content}
    )
    visitor.press("Save")
    page.get_by_text("Choose a mapping or write rules").wait_for()
    visitor.looks_right()
    visitor.shoot("meaning-refused")
    page.get_by_label("File or archive").set_input_files(
        {"name": "boxes.json", "mimeType": "application/json", "buffer": content}
    )
    page.get_by_label("Mapping").select_option("roboflow fires@1")
    page.get_by_label("The file is").select_option("truth")
    visitor.press("Save")
    page.get_by_text("None yet.").wait_for()

    HANDLERS["import_annotations"].action(Attempt({"run": ImportRun.objects.get().pk}))

    page.get_by_text("frame-3.jpg").wait_for()  # the page looks again by itself
    visitor.looks_right()
    visitor.shoot("meaning-done")
    visitor.press("not found")
    assert page.locator("#progress tbody tr").count() == 1
    visitor.goto("/admin/curation/annotationimport/")
    visitor.looks_right()
    visitor.shoot("meaning-list")
    assert Region.objects.filter(is_truth=True).count() == 2
    assert visitor.troubles == []
