"""What goes into the image, and how it serves."""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest
import requests

from pyrostorage_site import testbed
from pyrostorage_site.tests.containers.helpers import (
    DOCKERFILE,
    ROOT,
    child,
    ended,
    wait_until,
)


def build_context() -> list[Path]:
    """The files that .dockerignore lets through, relative to the project."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    kept: list[Path] = []
    for top in sorted(line[1:] for line in lines if line.startswith("!")):
        files = [ROOT / top] if (ROOT / top).is_file() else [path for path in (ROOT / top).rglob("*") if path.is_file()]
        kept += [path.relative_to(ROOT) for path in files]
    return [path for path in kept if not _is_left_out(path, lines)]


def _is_left_out(path: Path, lines: list[str]) -> bool:
    upwards = [path, *path.parents]
    return any(
        fnmatch.fnmatchcase(part.name, line[3:]) if line.startswith("**/") else str(part) == line
        for line in lines
        if line != "*" and not line.startswith("!")
        for part in upwards
    )


def test_the_image_holds_the_code_and_nothing_else() -> None:
    names = {str(path) for path in build_context()}
    assert {"manage.py", "requirements.txt", "LICENSE", "templates/home.html", "deploy/entrypoint.py"} <= names
    assert not [name for name in names if re.search(r"(^|/)(tests|\.env|\.git|var|__pycache__|nginx)(/|$)", name)]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The build context, laid out as in the image."""
    app = tmp_path / "app"
    for path in build_context():
        (app / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, app / path)
    return app


def tree(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def test_the_image_serves_and_never_writes_into_its_code(image: Path, tmp_path: Path) -> None:
    port = testbed.free_ports(1)[0]
    (data := tmp_path / "data").mkdir()
    variables = {"DATA_DIR": str(data), "TMPDIR": str(tmp_path), "HOST": "127.0.0.1", "PORT": str(port)}
    variables |= {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    variables |= {"WEB_WORKERS": "1", "SETTINGS_DIR": str(tmp_path / "none")}
    before = tree(image)
    entry = [sys.executable, "-m", "deploy.entrypoint"]
    prepared = ended([*entry, sys.executable, "manage.py", "prepare"], image, variables)
    assert prepared.returncode == 0, prepared.stderr
    assert prepared.stdout.count("Password:") == 1
    command = json.loads(re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)[0])
    with child([*entry, *command], cwd=image, env=variables) as server:
        wait_until(lambda: requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok)
        assert ended([sys.executable, "-m", "deploy.is_alive"], image, variables).returncode == 0
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    assert tree(image) == before
    dead = ended([sys.executable, "-m", "deploy.is_alive"], image, variables)
    assert dead.returncode == 1
    assert "does not answer" in dead.stderr
