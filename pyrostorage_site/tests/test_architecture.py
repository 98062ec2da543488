"""Which room may import which, and other rules about the code, as data."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import conftest

ROOT = Path(__file__).resolve().parents[2]
DOORS = {"curation.api", "curation.admin", "curation.management", "curation.jobs"}
DJANGO = {"django", "rest_framework"}
OUTSIDE_OF_FORMATS = {"accounts", "pyrostorage_site"} | {
    f"curation.{path.stem}" for path in (ROOT / "curation").iterdir() if path.stem != "formats"
}
FORBIDDEN = {
    "accounts": {"curation"},
    "accounts/models": {"accounts.actions", "accounts.rest", "accounts.admin", "accounts.api", "rest_framework"},
    "accounts/actions": {"rest_framework", "accounts.rest", "accounts.admin", "accounts.api"},
    "curation/formats": DJANGO | OUTSIDE_OF_FORMATS,
    "curation/imaging": DJANGO | {"accounts", "curation.models", "curation.actions", "curation.storage"} | DOORS,
    "curation/datasets": DJANGO | {"accounts", "curation.models", "curation.actions", "curation.storage"} | DOORS,
    "curation/storage": {"rest_framework", "accounts", "curation.models", "curation.actions"} | DOORS,
    "curation/models": {"rest_framework", "curation.actions", "curation.storage"} | DOORS,
    "curation/actions": {"rest_framework", "django.http", "django.shortcuts", "django.contrib.admin"} | DOORS,
    "curation/api": DOORS - {"curation.api"},
    "curation/admin": DOORS - {"curation.admin"} | {"rest_framework"},
    "curation/management": DOORS - {"curation.management"} | {"rest_framework"},
    "curation/jobs": DOORS - {"curation.jobs"} | {"rest_framework"},
}


def sources(room: str) -> Iterator[Path]:
    for path in sorted((ROOT / room).rglob("*.py")):
        if not {"tests", "migrations"} & set(path.relative_to(ROOT).parts):
            yield path


def imports_of(path: Path, text: str) -> set[str]:
    """Absolute names that a module imports, relative ones resolved."""
    package = list(path.relative_to(ROOT).with_suffix("").parts[:-1])
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            found |= {stem} | {f"{stem}.{alias.name}" for alias in node.names}
    return found


def trespasses(room: str, imported: set[str]) -> set[str]:
    return {name for name in imported for banned in FORBIDDEN[room] if name == banned or name.startswith(f"{banned}.")}


@pytest.mark.parametrize("room", [room for room in FORBIDDEN if (ROOT / room).is_dir()])
def test_no_room_imports_what_it_must_not(room: str) -> None:
    bad = {str(path): trespasses(room, imports_of(path, path.read_text())) for path in sources(room)}
    assert {path: names for path, names in bad.items() if names} == {}


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("accounts", "from curation.models import Media"),
        ("curation/imaging", "from django.conf import settings"),
        ("curation/formats", "from curation.imaging import wire"),
        ("curation/storage", "from ..models import Media"),
        ("curation/actions", "from django.http import JsonResponse"),
        ("curation/api", "from curation import admin"),
    ],
)
def test_a_planted_import_is_found(room: str, line: str) -> None:
    assert trespasses(room, imports_of(ROOT / room / "planted.py", line))


def test_migrations_import_no_live_models() -> None:
    for path in ROOT.glob("*/migrations/*.py"):
        imported = imports_of(path, path.read_text())
        assert not {
            name for name in imported if re.match(r"(accounts|curation)\.(models(?!\.fields)|actions)", name)
        }, path


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    text = "".join((ROOT / name).read_text() for name in ("pyrostorage_site/settings.py", "pyrostorage_site/env.py"))
    read = set(
        re.findall(r'(?:env\.)?(?:text(?:_or_none)?|flag|whole|words|url|networks|choice)\(\s*"([A-Z0-9_]+)"', text)
    )
    launched = {"WEB_WORKERS", "WEB_THREADS"}  # read by the server's own configuration
    documented = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", (ROOT / "docs/settings.md").read_text()))
    assert read - documented == set()
    assert documented - read - launched - {"DEBUG", "INFO", "WARNING", "ERROR", "PORT"} == set()
    assert launched <= documented


def test_the_example_file_holds_every_setting_and_no_secret() -> None:
    lines = [line.lstrip("#") for line in (ROOT / ".env.example").read_text().splitlines() if "=" in line]
    example = {line.split("=")[0] for line in lines if re.match(r"[A-Z0-9_]+=", line)}
    documented = set(re.findall(r"^\| (.*?) \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))
    names = {name for cell in documented for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", cell)}
    assert names - example - {"DEBUG", "ENV_FILE"} == set()
    assert "SECRET_KEY=" in lines
    assert "S3_SECRET_KEY=" in lines


def test_no_file_has_grown_past_one_thought() -> None:
    long = {
        str(path): len(path.read_text().splitlines())
        for room in ("accounts", "curation", "pyrostorage_site")
        for path in sources(room)
    }
    assert {path: lines for path, lines in long.items() if lines > 400} == {}


@pytest.mark.parametrize(
    "pattern",
    [
        r"\bpickle\.|import pickle", r"yaml\.load\(", r"\beval\(", r"mark_safe", r"\.extra\(", r"RawSQL", r"shell=True",
        r"extractall", r"ImageMath", r"\|safe\b", r"\bTODO\b", r"\bFIXME\b",
    ],
)  # fmt: skip
def test_nothing_dangerous_stands_in_the_code(pattern: str) -> None:
    paths = [*ROOT.glob("templates/**/*.html")]
    paths += [path for room in ("accounts", "curation", "pyrostorage_site") for path in sources(room)]
    assert [str(path) for path in paths if re.search(pattern, path.read_text())] == []


@pytest.mark.parametrize("rooms", [*conftest.ALIKE.values(), conftest.PROCESSES])
def test_what_one_run_leaves_to_the_other_is_there(rooms: dict[str, str]) -> None:
    assert [name for name in conftest.patterns(rooms) if not [*ROOT.glob(name)]] == []
