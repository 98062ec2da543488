"""PostgreSQL's own programs: found, judged, and run without a secret on their command line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.db import connection

from curation.actions.backups.folder import BackupRefused

DEBIAN = Path("/usr/lib/postgresql")
KEPT = re.compile(r"PATH|HOME|LANG|LC_\w+|TZ|PGSSL\w+|PGPASSFILE|PGSERVICE\w*|PGCHANNELBINDING")
LOCKS = "-c lock_timeout=60s"  # another service on this database would make it wait for ever


def run(program: str, *arguments: str, server: int) -> None:
    """Run pg_dump for the database of this service. server: its major version. Raises BackupRefused."""
    command = [str(_find(program, server)), "--no-password", *arguments]
    done = subprocess.run(command, env=_variables(), capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise _failed(program, done.stderr)


def _failed(program: str, said: str) -> BackupRefused:
    lines = [line for line in said.splitlines() if "error" in line.lower()] or said.splitlines() or [""]
    return BackupRefused(f"{program} failed and nothing was changed: {lines[0].removeprefix(program).strip(': ')}")


def replay(path: Path, *, first: str, server: int) -> None:
    """Run the statement `first` and the dump at `path`, in one transaction. Raises BackupRefused; then nothing changed.

    pg_restore cannot do something else in its transaction, so it writes what psql reads; psql only hears the end,
    and commits, when pg_restore has come to its own.
    """
    restoring = [
        str(_find("pg_restore", server)),
        "--clean",
        "--if-exists",
        "--no-owner",
        "--no-privileges",
        "--file=-",
    ]
    running = [str(_find("psql", server)), "--no-password", "--no-psqlrc", "--quiet", "--single-transaction"]
    running += ["--set=ON_ERROR_STOP=1", f"--dbname={name_of_database()}", f"--command={first}", "--file=-"]
    with tempfile.TemporaryFile("w+") as told, tempfile.TemporaryFile("w+") as objected:
        psql = subprocess.Popen(  # noqa: S603
            running, env=_variables(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=objected
        )
        pg_restore = subprocess.Popen(  # noqa: S603
            [*restoring, "--file=-", str(path)], env=_variables(), stdout=subprocess.PIPE, stderr=told
        )
        is_whole = _flow(pg_restore, psql)
        for program, stderr, failed in (("psql", objected, psql.returncode), ("pg_restore", told, not is_whole)):
            stderr.seek(0)
            if failed and (said := stderr.read()):
                raise _failed(program, said)
        if psql.returncode or not is_whole:
            raise _failed("psql", "it ended too early")


def _flow(source: subprocess.Popen[bytes], target: subprocess.Popen[bytes]) -> bool:
    """Give the target all that the source writes, and the end only if the source ended well; whether it did."""
    with source, target:
        assert source.stdout is not None  # nosec B101
        assert target.stdin is not None  # nosec B101
        with suppress(BrokenPipeError):  # the target failed, and says why
            shutil.copyfileobj(source.stdout, target.stdin)
        source.stdout.close()
        if source.wait():
            target.kill()
        with suppress(BrokenPipeError):
            target.stdin.close()
    return source.returncode == 0


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
