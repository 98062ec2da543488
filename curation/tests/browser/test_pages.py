"""The greeting and the documentation pages, in a browser."""

from __future__ import annotations

import pytest

from accounts.models import Access
from accounts.tests.cast import PASSWORD, make_access, with_password
from curation.models import Media
from curation.tests.browser.visits import Visitor


@pytest.fixture
def ana(transactional_db: None) -> Access:
    return with_password(make_access("ana", "user"))


def test_the_greeting_is_quiet_and_its_links_lead_somewhere(visitor: Visitor) -> None:
    visitor.goto("/")
    visitor.looks_right()
    visitor.shoot("home")
    links = visitor.page.eval_on_selector_all("a[href^='/']", "links => links.map(link => link.href)")
    assert len(set(links)) >= 6
    assert {visitor.context.request.get(link).status for link in links} <= {200}
    assert visitor.troubles == []


def test_the_login_page_is_quiet(visitor: Visitor, ana: Access) -> None:
    visitor.goto("/admin/login/")
    visitor.looks_right()
    visitor.shoot("login")
    assert visitor.troubles == []


def test_authorize_logs_in_and_try_it_out_works(visitor: Visitor, ana: Access) -> None:
    Media.objects.create(type="image", owner=ana, camera="ridge")
    page = visitor.goto("/docs")
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_label("username").fill("ana")
    page.get_by_label("password").fill(PASSWORD)
    visitor.shoot("docs-authorize")
    page.locator(".modal-btn.authorize").click()
    page.locator(".modal-ux").get_by_text("Logout").wait_for()
    page.locator(".modal-ux").get_by_role("button", name="Close").last.click()

    operation = page.locator(".opblock-get").filter(has=page.locator('[data-path="/api/v1/media"]')).first
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .response")
    answer.get_by_role("button", name="Download").wait_for()
    assert answer.locator(".response-col_status").inner_text().startswith("200")
    assert '"camera": "ridge"' in answer.inner_text()
    assert visitor.page.evaluate("JSON.stringify(localStorage)") == "{}"
    assert visitor.troubles == []


def test_the_documentation_needs_nobody_else(visitor: Visitor) -> None:
    for path, sign in (("/docs", ".opblock"), ("/redoc", "[data-section-id]")):
        page = visitor.goto(path)
        page.locator(sign).first.wait_for()
        visitor.looks_right(wide=True)
        visitor.shoot(path.strip("/"))
    assert visitor.troubles == []


def test_the_reference_can_be_searched(visitor: Visitor) -> None:
    page = visitor.goto("/redoc")
    page.locator("[data-section-id]").first.wait_for()
    page.get_by_role("search").get_by_role("textbox").or_(page.locator("input[type=text]")).first.fill("upload")
    page.locator("[data-role='search:results']").wait_for()
    assert visitor.troubles == []
