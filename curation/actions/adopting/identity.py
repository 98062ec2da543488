"""Whether our tables are empty, or hold what an earlier run took over from this very source, and nothing else.

Ids and times of making never change in either service, so that they tell whose rows ours are.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import NoReturn

from django.db.models import Exists, OuterRef

from accounts.models import Access, AuditEntry
from curation.actions.adopting.accesses import login_of
from curation.actions.adopting.address import SourceRefused
from curation.actions.adopting.source import Source
from curation.actions.adopting.times import moment
from curation.models import Annotation, Media, StoredObject

PAGE = 2000  # rows in memory
OURS: dict[str, type[Media | Annotation]] = {"media": Media, "annotations": Annotation}


def check(source: Source, *, renames: dict[str, str], zone: tzinfo) -> None:
    """Refuse when our tables hold anything that did not come from this source. Raises SourceRefused."""
    _check_accesses(source, renames)
    for table in OURS:
        _check_rows(source, table, zone)
    if StoredObject.objects.exists() and not (Media.objects.exists() or Annotation.objects.exists()):
        raise SourceRefused("The ledger of objects is not empty. Take over into an empty database: docs/adopting.md.")


def _check_accesses(source: Source, renames: dict[str, str]) -> None:
    adopted = AuditEntry.objects.filter(table="access", row_id=OuterRef("pk"), action="access.adopt")
    ours = dict(Access.objects.filter(Exists(adopted)).values_list("pk", "login"))
    for pk in Access.objects.exclude(pk__in=ours).order_by("pk").values_list("pk", flat=True)[:1]:
        _refuse("accesses", pk)
    theirs = {old.id: login_of(old, renames) for old in source.accesses()}
    for pk, login in sorted(ours.items()):
        if theirs.get(pk) != login:
            _refuse("accesses", pk)


def _check_rows(source: Source, table: str, zone: tzinfo) -> None:
    theirs = source.times(table)
    their_id, their_time = 0, None
    for pk, created_at in _ours(table):
        while their_id < pk and (following := next(theirs, None)):
            their_id, their_time = following
        known = moment(their_time, zone).value if their_id == pk else None
        # What the source has no time for got one here.
        if their_id != pk or (known is not None and known != created_at):
            _refuse(table, pk)


def _ours(table: str) -> Iterator[tuple[int, datetime]]:
    rows = OURS[table]._default_manager.order_by("pk")
    return iter(rows.values_list("pk", "created_at").iterator(PAGE))


def _refuse(table: str, pk: int) -> NoReturn:
    raise SourceRefused(
        f"The table {table} here holds rows that do not come from this source (the first has id {pk}). Take over into "
        "an empty database, before its first start; repeat a run with the same options: docs/adopting.md."
    )
