"""Versions below which known holes are open, and a lock that nothing can slip past."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = {"django": (5, 2, 19), "djangorestframework": (3, 18, 3), "pillow": (13, 0, 0)}


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


@pytest.mark.parametrize("name", FLOORS)
def test_neither_the_lock_nor_the_installation_is_below_the_floor(name: str) -> None:
    locked = re.search(rf"^{name}==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert locked is not None
    assert numbers(locked[1]) >= FLOORS[name]
    assert numbers(version(name)) >= FLOORS[name]


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_locked_package_carries_hashes(file: str) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / file).read_text())
    packages = [entry for entry in entries if re.match(r"[a-z0-9._-]+(\[.*\])?==", entry)]
    assert len(packages) > 30
    assert [entry.splitlines()[0] for entry in packages if "--hash=sha256:" not in entry] == []


def pins(file: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / file).read_text(), re.MULTILINE))


def test_both_locks_agree() -> None:
    tested = pins("requirements-dev.txt")
    assert {name: pin for name, pin in pins("requirements.txt").items() if tested.get(name) != pin} == {}
