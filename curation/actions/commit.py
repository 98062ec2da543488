"""Write objects, then commit the rows that refer to them; begin again when the collector came between."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import Error, transaction

from accounts.refusals import Busy
from curation.actions.objects import ATTEMPTS, Claim, ClaimLost, Content, abandon, settle, write
from curation.actions.working import Stopped

Result = TypeVar("Result")


def commit(*contents: Content, rows: Callable[[], Result], replaced: str = "") -> Result:
    """Store `contents` and run `rows` in one transaction with the ledger; return what `rows` returns.

    rows: makes the changes, from the state that was read; it raises a Refusal when that state is gone.
    replaced: the key that the rows no longer refer to afterwards.
    """
    for _ in range(ATTEMPTS):
        claims: list[Claim] = []
        try:
            claims = write(contents)
            return _once(claims, rows, replaced)
        except ClaimLost:
            _tidy(claims)
        except (Exception, Stopped):
            _tidy(claims)
            raise
    raise Busy("The same content is being deleted at this moment; try again.", retry_after=2)


def _once(claims: list[Claim], rows: Callable[[], Result], replaced: str) -> Result:
    """The ledger first: when a claim is lost, `rows` has not begun, and can run again from the state that was read."""
    with transaction.atomic():
        settle(*claims, replaced=replaced)
        return rows()


def _tidy(claims: list[Claim]) -> None:
    try:
        abandon(*claims)
    except Error:  # the leases end by themselves
        return
