"""The entrypoint: settings, volumes, and one sentence for each trouble."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from deploy.folders import why
from pyrostorage_site.tests.containers.helpers import (
    ROOT,
)


def enter(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.entrypoint", *command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_kept_settings_reach_the_command_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / "SECRET_KEY").write_text("kept\n")
    (tmp_path / "S3_ACCESS_KEY").write_text("kept")
    (tmp_path / "S3_SECRET_KEY").write_text("kept")
    (tmp_path / ".half-written").write_text("x")
    folders = {"DATA_DIR": str(tmp_path), "TMPDIR": str(tmp_path), "SETTINGS_DIR": str(tmp_path)}
    done = enter("env", **folders, S3_ACCESS_KEY="given", S3_SECRET_KEY=" ")
    told = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert (told["SECRET_KEY"], told["S3_ACCESS_KEY"], told["S3_SECRET_KEY"]) == ("kept", "given", "kept")
    assert ".half-written" not in told


def test_a_command_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    folders = {"DATA_DIR": str(tmp_path), "TMPDIR": str(tmp_path), "SETTINGS_DIR": str(tmp_path / "none")}
    assert enter("absent-command", **folders).stderr == "absent-command cannot be run: No such file or directory.\n"
    assert enter(**folders).stderr == "There is no command to run.\n"


def test_a_data_folder_that_is_not_mounted_is_one_sentence(tmp_path: Path) -> None:
    done = enter("true", DATA_DIR=str(tmp_path / "data"), TMPDIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (1, f"{tmp_path}/data does not exist; mount a volume there.\n")


def test_a_volume_of_somebody_else_is_one_sentence() -> None:
    python = sys.executable if os.geteuid() else "/usr/bin/python3"  # root's own Python may be closed to others
    if not Path(python).exists():
        pytest.skip("Root's Python cannot be run by others, and Debian's is not installed (apt-get install python3)")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        shutil.copytree(ROOT / "deploy", home / "deploy", ignore=shutil.ignore_patterns("__pycache__"))
        for path in (home / "deploy").rglob("*"):
            path.chmod(0o755)
        (home / "data").mkdir(mode=0o555)
        done = subprocess.run(
            [python, "-B", "-m", "deploy.entrypoint", "true"],
            cwd=home,
            env={"DATA_DIR": str(home / "data"), "TMPDIR": "/tmp", "PATH": "/usr/bin:/bin"},
            user=None if os.geteuid() else 10001,
            capture_output=True,
            text=True,
            check=False,
        )
        we = os.geteuid() or 10001
        assert done.stderr == (
            f"{home}/data belongs to user {os.geteuid()} and cannot be written by user {we}; give it to {we}.\n"
        )


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "The disk is full: nothing can be written to /data."),
        (errno.EDQUOT, "The disk is full: nothing can be written to /data."),
        (errno.EROFS, "/data is mounted read-only; it must be a volume that can be written."),
        (errno.EIO, "/data cannot be written: Input/output error."),
    ],
)
def test_each_trouble_of_a_volume_has_its_sentence(number: int, sentence: str) -> None:
    assert why(OSError(number, os.strerror(number)), Path("/data")) == sentence
