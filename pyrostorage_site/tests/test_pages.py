"""The pages that belong to no table: greeting, documentation, refusals; and what no page may hold."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from errno import EMFILE
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts import lockout
from pyrostorage_site import answers
from pyrostorage_site.pace import RETIRE

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
STYLES = [Path(finders.find(name) or "") for name in ("site/page.css", "site/docs.css", "curation/pictures.css")]
INLINE = re.compile(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
FOREIGN = re.compile(r"(?:src|href)=[\"'](?:https?:)?//|@import|url\((?:https?:)?//")


def text(answer: Any) -> str:
    return str(answer.content.decode())


def directives(answer: Any) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


def test_every_process_writes_the_policy_in_the_same_order(client: Client) -> None:
    policy = client.get("/")["Content-Security-Policy"].split("; ")
    assert policy == sorted(policy)


# --- Greeting --------------------------------------------------------------------------------------


def test_a_browser_is_greeted_with_a_page_and_a_program_with_json(client: Client) -> None:
    page = client.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    program = client.get("/", headers={"Accept": "*/*"}).json()
    assert page["Content-Type"].startswith("text/html")
    assert (program["name"], program["version"]) == ("pyro-storage", settings.VERSION)
    for words in (
        settings.VERSION,
        'href="/docs"',
        'href="/redoc"',
        'href="/openapi.json"',
        'href="/admin/"',
        "/healthz",
    ):
        assert words in text(page)


# --- Documentation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/", "/redoc/"])
def test_the_documentation_is_served_from_here(client: Client, path: str) -> None:
    page = text(client.get(path))
    assert 'data-schema="/openapi.json"' in page
    assert not INLINE.search(page)
    assert not FOREIGN.search(page)
    for name in re.findall(r'(?:src|href)="/static/([^"]+)"', page):
        assert finders.find(name), name


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/admin/login/", "/healthz", "/.well-known/security.txt"]
)
def test_no_page_but_one_lets_scripts_or_styles_stand_in_it(client: Client, db: None, path: str) -> None:
    policy = directives(client.get(path))
    assert (policy["script-src"], policy["style-src"], policy["default-src"]) == ("'self'", "'self'", "'none'")
    assert (policy["frame-ancestors"], policy["base-uri"], policy["form-action"]) == ("'none'", "'none'", "'self'")


def test_the_one_exception_is_for_styles_alone(client: Client) -> None:
    policy = directives(client.get("/redoc"))
    assert policy["script-src"] == "'self'"
    assert set(policy["style-src"].split()) == {"'self'", "'unsafe-inline'"}
    assert set(policy["worker-src"].split()) == {"'self'", "blob:"}


# --- What stands in our files ----------------------------------------------------------------------


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_no_template_holds_inline_code_or_asks_a_stranger(template: Path) -> None:
    source = template.read_text()
    assert not INLINE.search(source)
    assert not FOREIGN.search(source)


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
def test_no_style_sheet_asks_a_stranger(style: Path) -> None:
    assert not FOREIGN.search(style.read_text())


# --- Refusals --------------------------------------------------------------------------------------


def asked(path: str) -> HttpRequest:
    request = RequestFactory().get(path)
    request.request_id = "abcdefgh"  # type: ignore[attr-defined]
    return request


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (lambda request: answers.bad_request(request, ValueError()), 400, "That cannot be read"),
        (lambda request: answers.forbidden(request, ValueError()), 403, "Not allowed"),
        (lambda request: answers.not_found(request, ValueError()), 404, "Nothing here"),
        (answers.bug, 500, "abcdefgh"),
    ],
)
def test_below_admin_a_refusal_is_a_page_and_elsewhere_json(answer: Any, status: int, words: str) -> None:
    """Made without a query: the database may be what failed."""
    page, program = answer(asked("/admin/x/")), answer(asked("/x"))
    assert (page.status_code, program.status_code) == (status, status)
    assert words in text(page)
    assert page["Content-Type"].startswith("text/html")
    assert program["Content-Type"] == "application/json"


@pytest.mark.parametrize(("error", "is_told"), [(MemoryError(), True), (OSError(EMFILE, "files"), False)])
def test_the_worker_hears_that_a_request_had_no_memory(error: Exception, is_told: bool) -> None:
    told: list[bool] = []
    request = asked("/x")
    request.META[RETIRE] = lambda: told.append(True)
    try:
        raise error
    except (MemoryError, OSError):
        assert answers.bug(request).status_code == 503
    assert bool(told) == is_told


def test_the_locked_page_says_how_long() -> None:
    page = lockout.refuse(asked("/admin/login/"))
    assert (page.status_code, page["Retry-After"]) == (429, "900")
    assert "Try again in 15 minutes" in text(page)


# --- security.txt ----------------------------------------------------------------------------------


def test_security_txt_is_what_the_standard_asks_for(client: Client) -> None:
    """RFC 9116: exactly one Expires, less than a year ahead, and at least one Contact that is an address."""
    answer = client.get("/.well-known/security.txt")
    lines = [line.partition(": ") for line in text(answer).strip().splitlines()]
    fields = {name: value for name, _, value in lines}
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert len(fields) == len(lines)
    ahead = datetime.fromisoformat(fields["Expires"]) - timezone.now()
    assert timedelta(days=30) < ahead < timedelta(days=365)
    assert re.match(r"(https?|mailto):", fields["Contact"])
    assert fields["Canonical"] == f"{settings.PUBLIC_URL}/.well-known/security.txt"
