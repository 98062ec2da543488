"""Whether folders can be written, said in one sentence when they cannot."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

FULL = {errno.ENOSPC, errno.EDQUOT}
PROBE = 4096  # bytes: an empty file fits on a full disk, this does not


class UnwritableError(Exception):
    """The message is one sentence for the person who reads the container's log."""


def require_writable(*folders: Path) -> None:
    """Write a few bytes into each of `folders`, and leave nothing there. Raises UnwritableError."""
    for folder in folders:
        try:
            with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
                file.write(b"\0" * PROBE)
                os.fsync(file.fileno())
        except OSError as error:
            raise UnwritableError(why(error, folder)) from error


def why(error: OSError, folder: Path) -> str:
    if error.errno in FULL:
        return f"The disk is full: nothing can be written to {folder}."
    if error.errno == errno.EROFS:
        return f"{folder} is mounted read-only; it must be a volume that can be written."
    if error.errno == errno.ENOENT:
        return f"{folder} does not exist; mount a volume there."
    if error.errno in {errno.EACCES, errno.EPERM}:
        owner, we = folder.stat().st_uid if _is_seen(folder) else "somebody else", os.geteuid()
        return f"{folder} belongs to user {owner} and cannot be written by user {we}; give it to {we}."
    return f"{folder} cannot be written: {error.strerror}."


def _is_seen(folder: Path) -> bool:
    try:
        return folder.exists()
    except OSError:
        return False
