"""Errors of the database that pass: it is away, too busy, or takes no writes for the time being."""

from __future__ import annotations

from django.db import InterfaceError, InternalError, OperationalError

READ_ONLY = "25006"  # SQLSTATE read_only_sql_transaction: a replica, or a database set so by its keeper


def is_outage(error: BaseException | None) -> bool:
    """Whether the same request may work later, without anything being changed here."""
    if isinstance(error, (OperationalError, InterfaceError)):
        return True
    return isinstance(error, InternalError) and getattr(error.__cause__, "pgcode", "") == READ_ONLY
