"""The folder that backups are kept in.

    DIRECTORY/objects/media/...         every object that any of the backups needs, under its own key
    DIRECTORY/20261123T020000Z/         one backup: the database of that moment ...
        backup.json                     ... what it is (About)
        database.dump | database.sqlite3
        manifest.jsonl                  ... and what its ledger names, a line for each object, by key

A backup that is still made, or was cut short, is called `.partial`, and is never restored.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path

from accounts.refusals import Conflict
from curation.storage.disk import disk

FORMAT = 1
NAME = re.compile(r"\d{8}T\d{6}Z")
PARTIAL = ".partial"
ABOUT, MANIFEST = "backup.json", "manifest.jsonl"
PIECE = 1024 * 1024


class BackupRefused(Conflict):
    """It cannot be backed up, or restored; what was there before is unchanged."""


@dataclass
class About:
    """What a backup says of itself. Times are ISO 8601, UTC; digests are SHA-256 in hex."""

    name: str
    version: str  # of the service
    database: str  # postgresql | sqlite
    server: str  # version of the database's server, or library
    migrations: list[str]  # app.name, those that were applied
    store: str  # a folder, or the address of a bucket
    installations: list[tuple[str, str]]  # (store, when it was first met): who this installation is
    began: str
    ended: str = ""
    objects_at: str = ""  # "objects" (beside this folder), s3://bucket, or "" when they were left out
    ledger_rows: int = 0
    bytes: int = 0  # of the objects that the ledger names
    not_copied: list[str] = field(default_factory=list)  # keys that should be in the backup and are not
    dump_sha256: str = ""
    manifest_sha256: str = ""
    format: int = FORMAT

    @property
    def dump(self) -> str:
        """The file name of the dump."""
        return "database.dump" if self.database == "postgresql" else "database.sqlite3"


# --- Writing ---------------------------------------------------------------------------------------


@contextmanager
def at_work_in(directory: Path) -> Iterator[None]:
    """One backup at a time in a folder, made when it is not there; what earlier ones left half done is removed."""
    with disk():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (directory / ".lock").open("a")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupRefused("Another backup is at work in this folder; this one did nothing.") from error
        for left in directory.glob(f"*{PARTIAL}"):
            shutil.rmtree(left)
        yield


def begin(directory: Path, began: datetime) -> Path:
    """A new folder for a backup, not yet called by its name. Raises BackupRefused within the same second."""
    name = f"{began:%Y%m%dT%H%M%SZ}"
    if (directory / name).exists():
        raise BackupRefused("There is a backup of this very second; try again.")
    with disk():
        (directory / f"{name}{PARTIAL}").mkdir(mode=0o700)
    return directory / f"{name}{PARTIAL}"


def complete(partial: Path, about: About) -> Path:
    """Everything to the disk, then the name: from here on it counts as a backup."""
    with disk():
        (partial / ABOUT).write_text(json.dumps(asdict(about), indent=1) + "\n")
        for path in sorted(partial.iterdir()):
            path.chmod(0o600)
            _sync(path)
        _sync(partial)
        whole = partial.rename(partial.with_name(about.name))
        _sync(whole.parent)
    return whole


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest_of(path: Path) -> str:
    sha = hashlib.sha256()
    with disk(), path.open("rb") as file:
        while piece := file.read(PIECE):
            sha.update(piece)
    return sha.hexdigest()


# --- Reading ---------------------------------------------------------------------------------------


def find(directory: Path, name: str = "") -> Path:
    """The backup called `name`, or the newest whole one. Raises BackupRefused."""
    names = sorted(path.name for path in directory.glob("*") if NAME.fullmatch(path.name) and path.is_dir())
    if not names:
        raise BackupRefused("There is no whole backup in this folder.")
    if name and name not in names:
        raise BackupRefused(f"There is no whole backup of that name here; the newest is {names[-1]}.")
    return directory / (name or names[-1])


def read_about(backup: Path) -> About:
    """What the backup says of itself, after its dump and its manifest were compared with it. Raises BackupRefused."""
    try:
        written = json.loads((backup / ABOUT).read_text())
        if written["format"] != FORMAT:
            raise BackupRefused("The backup was made by a later version; restore it with that one.")
        about = About(**{known.name: written[known.name] for known in fields(About)})
        digests = digest_of(backup / about.dump), digest_of(backup / MANIFEST)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupRefused("The backup is damaged: what it says of itself cannot be read.") from error
    if digests != (about.dump_sha256, about.manifest_sha256):
        raise BackupRefused("The backup is damaged: its dump or its manifest is not what was written.")
    return about
