"""The README, followed line by line by somebody who has just cloned the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pyrostorage_site.tests.test_launch import Project, whole_project  # noqa: F401 - the latter is a fixture

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = re.compile(r"^## Step by step$(.*?)^## ", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
INSTALLS_CLIENT = re.compile(
    r"^(python3 -m venv var/tour/client-env|var/tour/client-env/bin/pip install .*)\n", re.MULTILINE
)


def script(port: int) -> str:
    """The chapter's lines, on a port of their own; the published client comes from our packages, not the network."""
    chapter = CHAPTER.search((ROOT / "README.md").read_text())
    assert chapter
    lines = "set -euo pipefail\n" + "".join(BLOCK.findall(chapter[1]))
    lines, installed = INSTALLS_CLIENT.subn("", lines)
    assert installed == 2
    return lines.replace("localhost:8080", f"localhost:{port}").replace("var/tour/client-env/", ".venv/")


@pytest.mark.timeout(240)  # starts a whole service
@pytest.mark.skipif(not all(map(shutil.which, ("bash", "make", "curl"))), reason="needs bash, make and curl")
def test_the_readme_works_as_it_is_printed(whole_project: Project) -> None:  # noqa: F811
    shutil.copy(ROOT / "Makefile", whole_project.root)
    variables = {"PATH": os.environ["PATH"], "HOME": str(whole_project.root), "PYTHON": sys.executable}
    walked = subprocess.run(
        ["bash"],
        input=script(whole_project.port),
        cwd=whole_project.root,
        env=variables | {"PORT": str(whole_project.port), "WEB_WORKERS": "1"},
        capture_output=True,
        text=True,
        timeout=230,
        check=False,
    )
    assert walked.returncode == 0, walked.stdout + walked.stderr
    said = walked.stdout
    assert "First admin: admin\n" in said
    assert f"pyro-storage is running at http://localhost:{whole_project.port}\n" in said
    assert "the same bytes\n" in said
    assert "3 pictures with their labels in var/tour/training\n" in said
    assert said.endswith("pyro-storage has stopped.\n")
    labels = [file.read_text() for file in (whole_project.root / "var/tour/training").glob("*.txt")]
    assert labels == ["0 0.512 0.430 0.080 0.120\n"] * 3
