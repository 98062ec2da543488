"""Errors of a local disk, told apart: full, or out of order."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from curation.storage.errors import DiskFull, StoreUnavailable

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # EFBIG: a file size limit of the process or the file system


@contextmanager
def disk() -> Iterator[None]:
    """Turn an OSError into DiskFull or StoreUnavailable."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull("The disk is full.") from error
        raise StoreUnavailable("The disk does not work as it should.") from error
