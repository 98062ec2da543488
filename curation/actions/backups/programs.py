"""PostgreSQL's own programs, pg_dump and pg_restore: found, judged, and run without a secret on their command line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import connection

from curation.actions.backups.folder import BackupRefused

DEBIAN = Path("/usr/lib/postgresql")
KEPT = re.compile(r"PATH|HOME|LANG|LC_\w+|TZ|PGSSL\w+|PGPASSFILE|PGSERVICE\w*|PGCHANNELBINDING")
LOCKS = "-c lock_timeout=60s"  # another service on this database would make it wait for ever


def run(program: str, *arguments: str, server: int) -> None:
    """Run pg_dump or pg_restore for the database of this service. server: its major version. Raises BackupRefused."""
    command = [str(_find(program, server)), "--no-password", *arguments]
    done = subprocess.run(command, env=_variables(), capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines() or [""]
        raise BackupRefused(f"{program} failed and nothing was changed: {lines[0].removeprefix(program).strip(': ')}")


def name_of_database() -> str:
    return str(connection.settings_dict["NAME"])


def _find(program: str, server: int) -> Path:
    """The oldest one that knows this server."""
    found = sorted(_installed(program))
    fitting = [path for version, path in found if version >= server]
    if fitting:
        return fitting[0]
    package = f"apt-get install postgresql-client-{server}"
    if found:
        raise BackupRefused(f"{program} is version {found[-1][0]}, older than the server's {server} ({package}).")
    raise BackupRefused(f"{program} is not installed ({package}).")


def _installed(program: str) -> Iterator[tuple[int, Path]]:
    """(major version, path) of each; Debian's own folders first, since what it has in PATH chooses by itself."""
    in_path = shutil.which(program)
    for path in [*DEBIAN.glob(f"*/bin/{program}"), *([Path(in_path)] if in_path else [])]:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
        if match := re.search(r"\(PostgreSQL\) (\d+)", said):
            yield int(match[1]), path


def _variables() -> dict[str, str]:
    """The environment of the programs: how to reach the database, and nothing else that is ours."""
    kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    known: dict[str, Any] = connection.settings_dict
    asked = {
        "PGHOST": known["HOST"],
        "PGPORT": known["PORT"],
        "PGUSER": known["USER"],
        "PGPASSWORD": known["PASSWORD"],
        "PGCONNECT_TIMEOUT": 5,
        "PGOPTIONS": LOCKS,
        "PGAPPNAME": "pyro-storage backup",
    }
    return kept | {name: str(value) for name, value in asked.items() if value}
