"""The workbench as a person uses it: with a mouse, with the keyboard, on a phone."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.actor import command
from accounts.models import Access, ApiToken, AuditEntry
from accounts.tests.cast import PASSWORD, make_access, token_of, with_password
from accounts.tests.doors import bearer
from curation.actions.derive import derive_now
from curation.models import Annotation, AnnotationRevision, Media, StoredObject
from curation.tests.browser.drawings import landscape
from curation.tests.browser.visits import Visitor
from curation.tests.pictures import LABEL


@pytest.fixture
def carl(transactional_db: None) -> Access:
    return with_password(make_access("carl", "curator"))


@pytest.fixture
def ada(transactional_db: None) -> Access:
    return with_password(make_access("ada", "admin"))


def attach(visitor: Visitor, label: str, name: str, content: bytes) -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    visitor.page.get_by_label(label).set_input_files(file)  # type: ignore[arg-type]


def upload_picture(visitor: Visitor) -> None:
    visitor.goto("/admin/")
    visitor.press("Add media")
    attach(visitor, "File", "ridge_200_2024-03-06T06-45-24.jpg", landscape())
    visitor.page.get_by_label("Camera").fill("ridge")
    visitor.page.get_by_label("Azimuth").fill("200")
    visitor.page.get_by_label("Captured at (UTC)").fill("2024-03-06T06:45:24")
    visitor.press("Save")


def annotate(visitor: Visitor) -> None:
    visitor.press("Add annotation")
    attach(visitor, "File", "ridge.txt", LABEL)
    visitor.press("Save")


def is_drawn(visitor: Visitor, selector: str) -> bool:
    """Whether the browser has decoded the picture."""
    image = visitor.page.locator(selector).first
    image.scroll_into_view_if_needed()
    visitor.page.wait_for_function("image => image.complete", arg=image.element_handle())
    return bool(image.evaluate("image => image.naturalWidth > 0"))


def test_a_curator_uploads_a_picture_annotates_it_and_sees_both(visitor: Visitor, carl: Access) -> None:
    visitor.log_in("carl")
    upload_picture(visitor)
    media = Media.objects.get()
    assert visitor.page.url.endswith(f"/admin/curation/media/{media.pk}/change/")
    assert is_drawn(visitor, ".picture img")
    assert (media.camera, media.azimuth, media.owner) == ("ridge", 200, carl)

    annotate(visitor)
    revisions = visitor.page.get_by_role("region", name="Revisions of")
    assert revisions.get_by_role("row").count() == 2
    link = revisions.get_by_role("link").get_attribute("href") or ""
    assert visitor.context.request.get(urljoin(visitor.url, link)).body() == LABEL

    attach(visitor, "Next revision", "ridge.json", b'{"boxes": []}')
    visitor.press("Save")
    assert visitor.page.get_by_role("region", name="Revisions of").get_by_role("row").count() == 3
    visitor.looks_right()
    visitor.shoot("annotation")

    visitor.goto(f"/admin/curation/media/{media.pk}/change/")
    assert visitor.page.get_by_text("annotation.upload").count() == 0
    assert visitor.page.get_by_text("media.upload").count() == 1
    visitor.looks_right()
    visitor.shoot("media")
    visitor.goto("/admin/curation/media/")
    assert visitor.page.get_by_text("no preview yet").count() == 1
    visitor.shoot("media-list-waiting")
    derive_now(media, by=command())
    visitor.goto("/admin/curation/media/")
    assert is_drawn(visitor, ".thumbnail img")
    visitor.shoot("media-list")
    visitor.goto("/admin/")
    assert is_drawn(visitor, ".gallery img")
    visitor.looks_right()
    visitor.shoot("index")
    assert visitor.troubles == []


def test_a_refused_upload_says_why_beside_the_field_and_keeps_what_was_typed(visitor: Visitor, carl: Access) -> None:
    visitor.log_in("carl")
    visitor.goto("/admin/curation/media/add/")
    attach(visitor, "File", "notes.txt", b"no picture")
    visitor.page.get_by_label("Camera").fill("ridge")
    visitor.press("Save")
    assert visitor.page.locator(".field-upload .errorlist").count() == 1
    assert visitor.page.get_by_label("Camera").input_value() == "ridge"
    visitor.looks_right()
    visitor.shoot("refused")
    assert not Media.objects.exists()
    assert visitor.troubles == []


def test_an_admin_issues_a_token_sees_it_once_and_revokes_it(visitor: Visitor, ada: Access) -> None:
    make_access("tower-1", "device")
    visitor.log_in("ada")
    visitor.goto("/admin/accounts/apitoken/add/?login=tower-1")
    visitor.page.get_by_label("Name").fill("ridge")
    visitor.press("Save")
    secret = visitor.page.get_by_label("Token", exact=True).input_value()
    visitor.looks_right()
    visitor.shoot("token-created")
    assert bearer(secret).get("/accesses/me").json()["login"] == "tower-1"

    visitor.press("Copy")
    visitor.page.get_by_text("Copied.").or_(visitor.page.get_by_text("Selected;")).wait_for()
    visitor.press("I have copied it")
    assert secret not in visitor.page.content()
    visitor.looks_right()
    visitor.press("Revoke")
    assert visitor.page.get_by_text("Revoked; from now on it opens nothing.").is_visible()
    assert bearer(secret).get("/accesses/me").status_code == 401
    assert visitor.page.get_by_role("button", name="Revoke").count() == 0
    visitor.goto("/admin/accounts/apitoken/")
    assert secret not in visitor.page.content()
    assert visitor.troubles == []


def test_a_token_is_revoked_from_the_list(visitor: Visitor, ada: Access) -> None:
    secret = token_of(make_access("tower-1", "device"))
    visitor.log_in("ada")
    visitor.goto("/admin/accounts/apitoken/")
    visitor.page.locator("#result_list .action-select").check()
    visitor.page.get_by_role("combobox", name="Action").select_option("revoke_chosen")
    visitor.press("Go")
    assert visitor.page.get_by_text("1 revoked; from now on they open nothing.").is_visible()
    assert bearer(secret).get("/accesses/me").status_code == 401
    assert visitor.troubles == []


def test_five_wrong_passwords_lead_to_the_locked_page(visitor: Visitor, carl: Access) -> None:
    for _ in range(4):
        visitor.log_in("carl", "wrong password")
        assert visitor.page.get_by_text("No curator or admin has this login and password.").is_visible()
    visitor.looks_right()
    visitor.shoot("login-refused")
    visitor.log_in("carl", "wrong password")
    assert visitor.page.get_by_role("heading", name="Locked for a while").is_visible()
    assert visitor.page.get_by_text("Try again in 15 minutes").is_visible()
    visitor.looks_right()
    visitor.shoot("locked")
    visitor.log_in("carl")
    assert visitor.page.get_by_role("heading", name="Locked for a while").is_visible()
    assert [trouble for trouble in visitor.troubles if "status of 429" not in trouble] == []


def focused(visitor: Visitor) -> str:
    return str(visitor.page.evaluate("document.activeElement.textContent.trim() || document.activeElement.name || ''"))


def tab_to(visitor: Visitor, words: str) -> None:
    """Press Tab until the focus is on `words`; each stop on the way must be visible."""
    for _ in range(80):
        visitor.page.keyboard.press("Tab")
        outline = visitor.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", visitor.page.evaluate("document.activeElement.outerHTML")
        if focused(visitor) == words:
            return
    pytest.fail(f"Tab never reached {words}.")


def test_everything_can_be_reached_by_keyboard_with_a_visible_focus(visitor: Visitor, carl: Access) -> None:
    keyboard = visitor.goto("/admin/").keyboard
    keyboard.type("carl")
    keyboard.press("Tab")
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    visitor.page.wait_for_url(f"{visitor.url}/admin/")
    keyboard.press("Tab")
    assert focused(visitor) == "Skip to main content"
    keyboard.press("Enter")
    tab_to(visitor, "Add media")
    keyboard.press("Enter")
    visitor.page.wait_for_url("**/media/add/")
    tab_to(visitor, "camera")
    keyboard.type("ridge")
    keyboard.press("Enter")
    visitor.page.wait_for_url("**/change/")
    assert Media.objects.get().camera == "ridge"
    tab_to(visitor, "Media")
    keyboard.press("Enter")
    visitor.page.wait_for_url("**/curation/media/")
    assert visitor.troubles == []


def test_a_list_is_leafed_through_by_keyboard(visitor: Visitor, carl: Access) -> None:
    for number in range(120):
        Media.objects.create(type="image", owner=carl, camera=f"camera-{number:03}")
    visitor.log_in("carl")
    keyboard = visitor.goto("/admin/curation/media/?type=image").keyboard
    pages = {"Older": ["camera-069", "camera-019"], "Newer": ["camera-069", "camera-119"]}
    for name, newest in pages.items():
        for camera in newest:
            tab_to(visitor, name)
            with visitor.page.expect_navigation(wait_until="networkidle"):
                keyboard.press("Enter")
            assert visitor.page.locator("td.field-camera").first.text_content() == camera
            assert "type=image" in visitor.page.url
    assert visitor.page.get_by_role("navigation", name="Pages", exact=True).get_by_text("50 shown").is_visible()
    visitor.goto("/admin/curation/media/")
    visitor.press("Older")
    visitor.looks_right()
    visitor.shoot("media-list-older")
    assert visitor.page.get_by_role("link", name="Newest").count() == 2
    assert visitor.troubles == []


def addresses() -> list[str]:
    """Every page of the workbench, with a row to show on each."""
    rows: dict[Any, Any] = {
        model: model._default_manager.order_by("-pk").first()
        for model in (Access, ApiToken, AuditEntry, Media, Annotation, AnnotationRevision, StoredObject)
    }
    found = ["/admin/", "/admin/password_change/", "/admin/accounts/", "/admin/curation/"]
    for model in admin.site._registry:
        stem, row = f"admin:{model._meta.app_label}_{model._meta.model_name}", rows.get(model)
        found.append(reverse(f"{stem}_changelist"))
        found.append(reverse(f"{stem}_add"))
        if row is not None:
            found += [reverse(f"{stem}_{page}", args=[row.pk]) for page in ("change", "history", "delete")]
    found.append(reverse("admin:curation_storedobject_integrity"))
    return [*found, reverse("admin:accounts_access_password", args=[rows[Access].pk])]


def test_every_page_is_quiet_and_looks_right(visitor: Visitor, ada: Access) -> None:
    token_of(ada)
    visitor.log_in("ada")
    upload_picture(visitor)
    annotate(visitor)
    derive_now(Media.objects.get(), by=command())
    visited = 0
    for address in addresses():
        before = len(visitor.troubles)
        if visitor.goto(address).title() == "Not allowed | pyro-storage":
            del visitor.troubles[before:]  # the browser notes the 403 of a read-only page
            continue
        visited += 1
        visitor.looks_right()
        if re.fullmatch(r"/admin/(\w+)/(\w+)/", address):
            visitor.shoot(address.strip("/").replace("/", "-"))
    assert visited >= 20
    visitor.press("Log out")
    visitor.looks_right()
    assert visitor.troubles == []


def test_the_theme_that_was_chosen_stays_on_every_page(visitor: Visitor, carl: Access) -> None:
    visitor.log_in("carl")
    visitor.show("light")
    toggle = visitor.page.locator("#header .theme-toggle")
    colours = {}
    for _ in range(3):
        toggle.click()
        theme = visitor.page.evaluate("document.documentElement.dataset.theme")
        visitor.goto("/")
        colours[theme] = visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
        visitor.goto("/admin/")
    assert colours["auto"] == colours["light"] != colours["dark"]
    assert visitor.troubles == []


@pytest.mark.parametrize("path", ["/admin/nothing/", "/admin/accounts/access/"])
def test_pages_of_refusal_are_ours(visitor: Visitor, carl: Access, path: str) -> None:
    visitor.log_in("carl")
    visitor.goto(path)
    visitor.looks_right()
    visitor.shoot(f"refusal-{len(path)}")
    assert [trouble for trouble in visitor.troubles if "status of 40" not in trouble] == []
