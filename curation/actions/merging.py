"""Merge rows that turned out to be one, so that it can be undone: nothing that belongs to them is moved.

Of views and of sequences: `merged_into` keeps each decision, `shown_as` where all of them lead.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.actions.audit import record
from accounts.actor import Actor
from accounts.refusals import Conflict, Invalid
from curation.models import Sequence, View

Row = TypeVar("Row", View, Sequence)


def merge(keep: Row, gone: Row, *, by: Actor) -> Row:
    """Show what belongs to `gone` with `keep`; return `gone` as it is then. Raises Conflict, Invalid."""
    if keep.pk == gone.pk:
        raise Invalid(f"A {_kind(gone)} cannot be merged into itself.", "body", "into")
    with transaction.atomic():
        keep, gone = _locked(keep, gone)
        for row in (gone, keep):
            if row.merged_into_id:
                raise Conflict(f"{row} is merged into another {_kind(row)} already; undo that first.")
        _rows(gone).filter(shown_as=gone).update(shown_as=keep)
        _decide(gone, merged_into_id=keep.pk, shown_as_id=keep.pk)
        action = "view.merge" if _kind(gone) == "view" else "sequence.merge"
        record(action, gone, by=by, before={"merged_into": None}, after={"merged_into": keep.pk})
        action = "view.absorb" if _kind(gone) == "view" else "sequence.absorb"
        record(action, keep, by=by, after={_kind(gone): gone.pk})
    gone.refresh_from_db()
    return gone


def undo(gone: Row, *, by: Actor) -> Row:
    """Take the merge of `gone` back: everything is shown as before it. Raises Conflict when it is not merged."""
    with transaction.atomic():
        [gone] = _locked(gone)
        if gone.merged_into_id is None:
            raise Conflict(f"{gone} is not merged into another {_kind(gone)}.")
        with_it = _below(gone)
        before = gone.merged_into_id
        _rows(gone).filter(pk__in=with_it).update(shown_as=gone)
        _decide(gone, merged_into_id=None, shown_as_id=None)
        action = "view.undo" if _kind(gone) == "view" else "sequence.undo"
        record(action, gone, by=by, before={"merged_into": before}, after={"merged_into": None})
        action = "view.release" if _kind(gone) == "view" else "sequence.release"
        record(action, _rows(gone).get(pk=before), by=by, after={_kind(gone): gone.pk})
    gone.refresh_from_db()
    return gone


def _below(gone: Row) -> list[int]:
    """Those that were merged into `gone`, or into one of them."""
    decided = dict(_rows(gone).filter(shown_as=gone.shown_as_id).values_list("pk", "merged_into_id"))
    below = {gone.pk}
    while more := {pk for pk, into in decided.items() if into in below} - below:
        below |= more
    return sorted(below - {gone.pk})


def _decide(row: Row, **columns: Any) -> None:
    _rows(row).filter(pk=row.pk).update(updated_at=timezone.now(), version=F("version") + 1, **columns)


def _locked(*rows: Row) -> list[Row]:
    """The rows as they are now, until the transaction ends; taken in the order of their ids."""
    found = _rows(rows[0]).select_for_update(no_key=True).filter(pk__in=[row.pk for row in rows])
    by_id = {row.pk: row for row in found.order_by("pk")}
    return [by_id[row.pk] for row in rows]


def _rows(row: Row) -> Any:
    return type(row)._default_manager


def _kind(row: Row) -> str:
    return str(row._meta.verbose_name)
