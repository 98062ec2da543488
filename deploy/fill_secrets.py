"""Fill what nobody set: `python -m deploy.fill_secrets SECRETS FOLDER...`, once before everything else.

Secrets that are missing in the environment are made at random, once, and kept; they are never replaced. What follows
from them (the address of the database, the identities of the store) is written anew each time. Before anything
is written, the settings are judged as the service itself judges them, and each FOLDER is tried.

    SECRETS/app   a file for each setting, read by `deploy.entrypoint`
    SECRETS/db    password, read by PostgreSQL when it makes its database
    SECRETS/s3    identities.json, read by SeaweedFS; owner.json, read by `deploy.make_bucket`
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.folders import UnwritableError, require_writable, why

# The servers that docker-compose.yml starts.
OWN = {
    "BUCKET_NAME": "pyro-storage",
    "S3_REGION": "us-east-1",
    "S3_ENDPOINT_URL": "http://s3:8333",
    "REDIS_URL": "redis://redis:6379/0",
}
LONGEST = 4096  # characters of a kept secret; more is no file of ours
TOGETHER = 0o440  # the group lets PostgreSQL read, which runs as a user of its own


class RefusalError(Exception):
    """The message is one sentence for the person who reads the container's log."""


def fill(root: Path, folders: list[Path]) -> list[str]:
    """Do all of the above; return the names of the secrets that were made. Raises RefusalError, UnwritableError."""
    _refuse_other_servers()
    require_writable(root / "app", root / "db", root / "s3", *folders)
    made: dict[Path, str] = {}

    def secret(path: Path, make: Callable[[], str]) -> str:
        return _read(path) or made.setdefault(path, make())

    password = secret(root / "db" / "password", lambda: secrets.token_hex(24))
    settings = {
        name: os.environ.get(name, "").strip() or secret(root / "app" / name, make) for name, make in SECRETS.items()
    }
    owner = {
        "accessKey": secret(root / "s3" / "owner_access_key", _access_key),
        "secretKey": secret(root / "s3" / "owner_secret_key", _secret_key),
    }
    own = OWN | {"DATABASE_URL": f"postgres://pyro:{password}@db:5432/pyro"}
    _judge(settings | own)
    _keep(made)
    for name, value in own.items():
        _write(root / "app" / name, value)
    _write(root / "s3" / "owner.json", json.dumps(owner))
    _write(root / "s3" / "identities.json", json.dumps(_identities(owner, settings), indent=1))
    return [path.name for path in made]


def _access_key() -> str:
    return secrets.token_hex(10).upper()


def _secret_key() -> str:
    return secrets.token_urlsafe(30)


SECRETS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(50),
    "S3_ACCESS_KEY": _access_key,
    "S3_SECRET_KEY": _secret_key,
}


def _refuse_other_servers() -> None:
    """A database or store named in .env would be ignored, and pictures would go where nobody looks."""
    named = [name for name in ("DATABASE_URL", *OWN) if os.environ.get(name, "").strip()]
    if named:
        raise RefusalError(
            f"{', '.join(named)} must stay empty here, because these containers bring their own database and store; "
            "docs/containers.md says how to run the image with others."
        )


def _judge(values: dict[str, str]) -> None:
    """Load the settings with `values`, and run the checks of the service. Raises RefusalError."""
    os.environ.update(values)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pyrostorage_site.settings")
    import django
    from django.core import checks
    from django.core.exceptions import ImproperlyConfigured

    try:
        django.setup()
        errors = [found for found in checks.run_checks() if found.level >= checks.ERROR]
    except ImproperlyConfigured as error:
        raise RefusalError(str(error)) from error
    if errors:
        raise RefusalError(" ".join(sorted(f"{found.msg} {found.hint or ''}".strip() for found in errors)))


def _identities(owner: dict[str, str], settings: dict[str, str]) -> dict[str, Any]:
    """Who may do what in the store: the owner makes the bucket, the service works in it and cannot open it up."""
    service = {"accessKey": settings["S3_ACCESS_KEY"], "secretKey": settings["S3_SECRET_KEY"]}
    rights = [f"{right}:{OWN['BUCKET_NAME']}" for right in ("Read", "Write", "List", "Tagging")]
    return {
        "identities": [
            {"name": "owner", "credentials": [owner], "actions": ["Admin"]},
            {"name": "service", "credentials": [service], "actions": rights},
        ]
    }


def _read(path: Path) -> str:
    """The secret kept at `path`; "" when there is none. A damaged one is never taken for a missing one."""
    try:
        text = path.read_text()[:LONGEST].strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise RefusalError(f"The secret in {path} cannot be read; nothing was changed.") from error
    if not text:
        raise RefusalError(f"The secret in {path} is empty; restore it from a backup. Nothing was changed.")
    return text


def _keep(made: dict[Path, str]) -> None:
    for path, value in made.items():
        _write(path, value, may_replace=False)


def _write(path: Path, text: str, *, may_replace: bool = True) -> None:
    """Give the whole file its name at once; without `may_replace` a file that is there wins. Raises UnwritableError."""
    if may_replace and path.is_file() and path.read_text() == text:
        return
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".", delete=False) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).chmod(TOGETHER)
        if may_replace:
            Path(file.name).replace(path)
        else:
            os.link(file.name, path)
            Path(file.name).unlink()
    except OSError as error:
        raise UnwritableError(why(error, path.parent)) from error


def main() -> None:
    root, *folders = map(Path, sys.argv[1:])
    try:
        made = fill(root, folders)
    except (RefusalError, UnwritableError) as refusal:
        sys.exit(str(refusal))
    sys.stdout.write(f"Made and kept: {', '.join(made)}.\n" if made else "Nothing was missing.\n")


if __name__ == "__main__":
    main()
