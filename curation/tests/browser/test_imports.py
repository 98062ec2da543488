"""A curator uploads an archive, and watches what becomes of its files without reloading the page."""

from __future__ import annotations

import pytest

from accounts.models import Access
from accounts.tests.cast import make_access, with_password
from curation.jobs.handlers import HANDLERS
from curation.models import ImportRun, Media
from curation.tests.browser.visits import Visitor
from curation.tests.importing.helpers import sequence
from curation.tests.importing.test_doors import Attempt
from curation.tests.pictures import zipped


@pytest.fixture
def carl(transactional_db: None) -> Access:
    return with_password(make_access("carl", "curator"))


def test_an_archive_is_uploaded_and_watched(visitor: Visitor, carl: Access) -> None:
    page = visitor.log_in("carl")
    visitor.goto("/admin/curation/importrun/add/")
    visitor.looks_right()
    visitor.shoot("import-add")
    content = zipped(sequence(3) | {"bad.jpg": b"no picture"})
    page.get_by_label("Archive").set_input_files({"name": "june.zip", "mimeType": "application/zip", "buffer": content})
    visitor.press("Save")
    page.get_by_text("None yet.").wait_for()
    visitor.looks_right()
    run = ImportRun.objects.get()

    HANDLERS["import"].action(Attempt({"run": run.pk}))

    page.get_by_text("bad.jpg").wait_for()  # the page looks again by itself
    assert page.get_by_role("status").inner_text().strip() == "Done"
    visitor.looks_right()
    visitor.shoot("import-done")
    visitor.press("refused")
    assert page.locator("#progress tbody tr").count() == 1
    visitor.goto("/admin/curation/importrun/")
    visitor.looks_right()
    visitor.shoot("import-list")
    assert Media.objects.count() == 3
    assert visitor.troubles == []
