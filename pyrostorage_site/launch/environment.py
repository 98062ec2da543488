"""Virtual environments that hold exactly what is locked."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pyrostorage_site.launch.config import ROOT, LaunchError, say

LEAST_FREE = 500 * 2**20  # bytes: what the larger of the two environments takes, and some air


@dataclass(frozen=True)
class Environment:
    """A virtual environment `folder` made from the hashed list `requirements`, both in the project."""

    folder: Path
    requirements: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """Written last: an environment without its stamp was never finished."""
        return self.folder / ".installed"


RUNTIME = Environment(ROOT / ".venv", ROOT / "requirements.txt")
TEST = Environment(ROOT / ".venv-test", ROOT / "requirements-dev.txt")


def install(environment: Environment) -> int:
    """Make the environment, unless it stands already and holds what is locked; return 0. Raises LaunchError.

    A changed lock or an interrupted install is answered alike: built from nothing, so that what is
    installed is what is locked. Several callers at once wait for the first.
    """
    with locked(environment.requirements.parent):
        wanted = fingerprint(environment.requirements)
        if _is_installed(environment, wanted):
            return 0
        _check_python()
        _check_disk(environment.folder.parent)
        say(
            f"Installing what {environment.requirements.name} locks into {environment.folder.name} (about a minute) ..."
        )
        environment.stamp.unlink(missing_ok=True)
        _call([sys.executable, "-m", "venv", "--clear", str(environment.folder)], "The virtual environment")
        pip = [str(environment.python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
        _call([*pip, "--require-hashes", "-r", str(environment.requirements)], "The installation")
        environment.stamp.write_text(wanted)
    return 0


def _is_installed(environment: Environment, wanted: str) -> bool:
    # A link to a Python that was removed does not exist either.
    return environment.python.exists() and environment.stamp.is_file() and environment.stamp.read_text() == wanted


def fingerprint(requirements: Path) -> str:
    """The lock's digest and the Python it was installed for."""
    return f"{sys.version_info[0]}.{sys.version_info[1]} {hashlib.sha256(requirements.read_bytes()).hexdigest()}"


def _check_python() -> None:
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise LaunchError(f"This Python lacks `{module}`: install it with `apt-get install python3-venv make`.")


def _check_disk(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise LaunchError(f"The disk is full: {free >> 20} MiB are free at {folder}, {LEAST_FREE >> 20} are needed.")


def _call(command: list[str], what: str) -> None:
    """Run an installer in silence; its last line tells what went wrong."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    lines = (done.stderr + done.stdout).strip().splitlines() or ["no reason was given"]
    reason = next((line for line in lines if line.startswith("ERROR:")), lines[-1]).removeprefix("ERROR:").strip()
    raise LaunchError(f"{what} failed: {reason.rstrip('.')}.")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file (made when absent) or a folder; wait for whoever holds it.

    The lock is the kernel's and ends with the process, however it ends.
    """
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(path, flags, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another start or stop is under way; waiting for it ...")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
