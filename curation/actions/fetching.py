"""Have the bytes of a row at hand, as they were stored and not as the store gives them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db.models import QuerySet

from accounts.refusals import Busy, Invalid, Missing, TooLarge
from curation.actions.refusing import store_errors
from curation.models import Annotation, Media
from curation.storage.errors import ObjectMissing
from curation.storage.spool import Spool, Spooled, ensure_room
from curation.storage.stores import object_store

Row = TypeVar("Row", Media, Annotation)

PAGE = 100  # rows in memory
DIFFERS = "What was read is not what was stored; check_storage --full says more."


@contextmanager
def fetched(row: Media | Annotation) -> Iterator[Spooled]:
    """The row's bytes in a file without a name, read through the store and compared with their digest.

    Raises Busy, Full, Missing.
    """
    size = row.size or 0
    with store_errors():
        ensure_room(size)
    with Spool(size) as spooling:
        try:
            with store_errors():
                for chunk in object_store().read_chunks(row.file.name or ""):
                    spooling.write(chunk)
                there = spooling.finish(row.sha256)
        except ObjectMissing as error:
            raise Missing(f"The object of this {row._meta.verbose_name} is not in the store.") from error
        except (Invalid, TooLarge) as error:  # cut short on the way, or damaged: another try may tell
            raise Busy(DIFFERS) from error
        yield there


def in_turn(rows: QuerySet[Row], limit: int | None) -> Iterator[Row]:
    """Rows in the order of their ids, a page at a time, at most `limit`; those that go or come meanwhile do no harm."""
    done, left = 0, limit
    while left is None or left > 0:
        page = list(rows.filter(pk__gt=done).order_by("pk")[: PAGE if left is None else min(PAGE, left)])
        if not page:
            return
        yield from page
        done, left = page[-1].pk, None if left is None else left - len(page)
