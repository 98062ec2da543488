"""What the documents promise in passing: links, settings, targets and commands that exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands

from curation.actions.adopting.findings import Code

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]
ROW = re.compile(r"^\| (`[A-Z][^|]*) \| ([^|]*) \|", re.MULTILINE)


def prose(name: str) -> str:
    """A document without its blocks of code, whose lines may look like headings."""
    return re.sub(r"^```.*?^```", "", (ROOT / name).read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(name: str) -> set[str]:
    """The names that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.*)", prose(name), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def defaults(text: str) -> dict[str, str]:
    return {name: default for cell, default in ROW.findall(text) for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_between_documents_lead_somewhere(name: str) -> None:
    found = re.findall(r"\]\(([^)\s]+)\)", prose(name)) + re.findall(r'(?:src|href)="([^"]+)"', prose(name))
    for link in (link for link in found if "://" not in link):
        file, _, anchor = link.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.exists(), link
        if anchor:
            assert anchor in anchors(str(path.relative_to(ROOT))), link


def test_settings_in_the_readme_are_those_of_their_document_with_the_same_defaults() -> None:
    shown = defaults((ROOT / "README.md").read_text())
    assert len(shown) >= 8
    assert shown.items() <= defaults((ROOT / "docs/settings.md").read_text()).items()


def test_every_check_at_start_and_every_finding_of_a_take_over_is_explained() -> None:
    checks = re.findall(r'id="(pyrostorage\.\w+)"', (ROOT / "pyrostorage_site/checks.py").read_text())
    explained = re.findall(r"^\| (pyrostorage\.\w+) \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    assert sorted(set(checks)) == sorted(explained)
    report = (ROOT / "docs/adopting.md").read_text().partition("## The report")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", report, re.MULTILINE)
    assert sorted(name for cell in cells for name in re.findall(r"`(\w+)`", cell)) == sorted(Code)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_targets_and_commands_that_documents_name_exist(name: str) -> None:
    text = (ROOT / name).read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text, re.MULTILINE)) <= targets
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= set(get_commands())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_shell_blocks_are_shell(name: str) -> None:
    for block in re.findall(r"^```sh\n(.*?)^```", (ROOT / name).read_text(), re.MULTILINE | re.DOTALL):
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert done.stderr == "", block
