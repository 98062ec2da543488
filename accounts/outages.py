"""Errors that pass: a database that is away, too busy or takes no writes; no memory, no file descriptor left."""

from __future__ import annotations

import errno

from django.db import InterfaceError, InternalError, OperationalError

SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
READ_ONLY = "25006"  # SQLSTATE read_only_sql_transaction: a replica, or a database set so by its keeper


def is_outage(error: BaseException | None) -> bool:
    """Whether the same request may work later, without anything being changed here."""
    if isinstance(error, (OperationalError, InterfaceError)):
        return True
    return isinstance(error, InternalError) and getattr(error.__cause__, "pgcode", "") == READ_ONLY


def is_shortage(error: BaseException | None) -> bool:
    """Whether this process, or its machine, has no memory or no file descriptor left."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in SHORTAGES)
