"""Jobs in a real browser, without the mouse."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import Access
from accounts.tests.cast import make_access, with_password
from curation.models import Job
from curation.tests.browser.visits import Visitor


@pytest.fixture
def carl(transactional_db: None) -> Access:
    return with_password(make_access("carl", "curator"))


def test_a_curator_cancels_a_job_and_tries_it_again_by_keyboard(visitor: Visitor, carl: Access) -> None:
    job = Job.objects.create(kind="import", key="12", requested_by=carl, done=3, total=12)
    ended = {"state": "failed", "finished_at": timezone.now(), "error": "The archive is no archive."}
    Job.objects.create(kind="derive", key="4:abc", **ended)
    visitor.log_in("carl")
    page = visitor.goto("/admin/curation/job/")
    assert page.get_by_role("status").inner_text().startswith("No worker has been seen yet")
    visitor.looks_right(wide=True)
    visitor.shoot("jobs")

    page.get_by_role("link", name=f"import #{job.pk}").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Cancel this job").wait_for()
    visitor.looks_right()
    visitor.shoot("job")
    page.get_by_role("button", name="Cancel this job").focus()
    page.keyboard.press("Enter")
    page.get_by_text("it stops at its next step").wait_for()
    assert Job.objects.get(pk=job.pk).state == "cancelled"

    page.get_by_role("button", name="Try again").focus()
    page.keyboard.press("Enter")
    page.get_by_text("It waits to be tried again.").wait_for()
    assert Job.objects.get(pk=job.pk).state == "waiting"
    visitor.looks_right()
    assert visitor.troubles == []
