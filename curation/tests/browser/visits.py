"""Somebody with a browser: visits pages, looks at them, and notices what goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

from accounts.tests.cast import PASSWORD

DESK, PHONE, NARROW = (1280, 900), (390, 844), (360, 740)
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", event =>
  reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile || ""}:${event.lineNumber}`));
"""
LOOK = """() => {
  const shown = element => element.checkVisibility({visibilityProperty: true});
  const scrolled = element => { for (let e = element.parentElement; e; e = e.parentElement)
    if (getComputedStyle(e).overflowX !== "visible") return true; return false; };
  const named = element => element.labels?.length || element.getAttribute("aria-label")
    || element.getAttribute("aria-labelledby") || element.title;
  const fields = [...document.querySelectorAll("input:not([type=hidden]):not([type=submit]), select, textarea")];
  const buttons = [...document.querySelectorAll("button, a[href], summary")];
  return {
    unlabelled: fields.filter(field => shown(field) && !named(field)).map(field => field.outerHTML),
    nameless: buttons.filter(button => shown(button) && !button.textContent.trim() && !named(button)
      && !button.querySelector("img[alt]:not([alt=''])")).map(button => button.outerHTML),
    without_alt: [...document.images].filter(image => !image.hasAttribute("alt")).map(image => image.outerHTML),
    twice: [...document.querySelectorAll("[id]")].map(element => element.id)
      .filter((id, index, ids) => ids.indexOf(id) !== index),
    h1: [...document.querySelectorAll("h1")].filter(shown).length,
    language: document.documentElement.lang,
    title: document.title,
    too_wide: document.documentElement.scrollWidth <= document.documentElement.clientWidth ? []
      : [...document.body.querySelectorAll("*")].filter(element => shown(element)
        && element.getBoundingClientRect().right > document.documentElement.clientWidth && !scrolled(element))
        .slice(0, 5).map(element => element.cloneNode().outerHTML).concat(document.documentElement.scrollWidth),
  };
}"""
CONTRAST = """() => {
  const parse = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = color => color.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const pale = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, words = walker.currentNode.textContent.trim();
    if (!words || !element.checkVisibility({visibilityProperty: true, opacityProperty: true})
        || element.closest(".visually-hidden, script, option, .skip, .skip-to-content-link, [disabled]")) continue;
    const style = getComputedStyle(element), under = ground(element), over_ = over(parse(style.color), under);
    const [a, b] = [light(over_), light(under)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.6 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) pale.push(`${words.slice(0, 40)}: ${ratio.toFixed(2)} ${style.color} on ${under}`);
  }
  return [...new Set(pale)];
}"""


class Visitor:
    """One browser profile. `troubles` collects what no page may cause; each test ends by asserting there are none."""

    def __init__(self, browser: Browser, url: str, shots: Path | None) -> None:
        self.url, self.shots = url, shots
        self.troubles: list[str] = []
        self.context = browser.new_context(viewport={"width": DESK[0], "height": DESK[1]}, reduced_motion="reduce")
        self.context.expose_binding("reportViolation", lambda source, words: self._trouble("violation", words))
        self.context.add_init_script(REPORT_VIOLATIONS)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self._trouble("error", str(error)))
        self.page.on("requestfailed", self._failed)
        self.page.on("request", self._asked)

    def _trouble(self, kind: str, words: str) -> None:
        self.troubles.append(f"{kind} on {self.page.url}: {words}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._trouble("console", message.text)

    def _failed(self, request: Request) -> None:
        self._trouble("failed", f"{request.url} {request.failure}")

    def _asked(self, request: Request) -> None:
        ours = (self.url, "data:", "blob:", settings.S3_PUBLIC_ENDPOINT_URL or self.url)
        if not request.url.startswith(ours):
            self._trouble("foreign", request.url)

    def leave(self) -> None:
        self.context.close()

    def goto(self, path: str) -> Page:
        """Open a path and wait until it is quiet."""
        self.page.goto(self.url + path, wait_until="networkidle")
        return self.page

    def log_in(self, login: str, password: str = PASSWORD) -> Page:
        page = self.goto("/admin/login/")
        page.get_by_label("Login").fill(login)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_load_state("networkidle")
        return page

    def press(self, name: str) -> None:
        """Press a button, or follow a link, and wait for the page behind it."""
        page = self.page
        button = page.get_by_role("button", name=name, exact=True)
        (button if button.count() else page.get_by_role("link", name=name, exact=True)).first.click()
        page.wait_for_load_state("networkidle")

    def looks_right(self, *, wide: bool = False) -> None:
        """Labels, names, alt texts, one heading, contrast in both themes, and no sideways scrolling on a narrow phone.

        wide: pages of others (Swagger UI, ReDoc), whose contrast and width are theirs.
        """
        seen: dict[str, Any] = self.page.evaluate(LOOK)
        assert seen["unlabelled"] == seen["nameless"] == seen["without_alt"] == seen["twice"] == [], seen
        assert (seen["h1"], seen["language"]) == (1, "en"), (self.page.url, seen)
        assert seen["title"]
        if not wide:
            self._is_legible()
            self._fits()

    def _is_legible(self) -> None:
        for theme in ("light", "dark"):
            self.show(theme)
            pale = self.page.evaluate(CONTRAST)
            assert pale == [], (theme, self.page.url, pale)
        self.show("light")

    def _fits(self) -> None:
        self.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        too_wide = self.page.evaluate(LOOK)["too_wide"]
        self.page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
        assert too_wide == [], (self.page.url, too_wide)

    def show(self, theme: Literal["light", "dark"]) -> None:
        self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")

    def shoot(self, name: str) -> None:
        """Pictures of the page, for a person to look at, when PYRO_SCREENSHOTS names a folder."""
        if self.shots is None:
            return
        for theme in ("light", "dark"):
            self.show(theme)
            self._picture(f"{name}-{theme}", DESK)
        self.show("light")
        self._picture(f"{name}-phone", PHONE)
        self.page.set_viewport_size({"width": DESK[0], "height": DESK[1]})

    def _picture(self, name: str, size: tuple[int, int]) -> None:
        assert self.shots is not None
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.wait_for_timeout(150)
        self.page.screenshot(path=self.shots / f"{name}.png", full_page=True)
