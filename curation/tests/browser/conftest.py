"""A real Chromium on a live server; the tests are skipped where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from curation.tests.browser.visits import Visitor

CHROMIUM = Path("/usr/bin/chromium")
SWITCHES = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(300))  # they share two cores with a second run of all tests


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Started for one module at a time: while it runs, the thread has an event loop, which Django's ORM refuses."""
    if not CHROMIUM.exists():
        pytest.skip(f"There is no {CHROMIUM}; install Debian's package chromium.")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium: Browser, live_server: Any, settings: Any) -> Iterator[Visitor]:
    """Somebody with a browser, who notices every violation, error and failed request."""
    settings.PUBLIC_URL = live_server.url
    shots = os.environ.get("PYRO_SCREENSHOTS", "")
    visitor = Visitor(chromium, live_server.url, Path(shots) if shots else None)
    yield visitor
    visitor.leave()
