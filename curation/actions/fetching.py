"""Have the bytes of a row at hand, as they were stored and not as the store gives them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from accounts.refusals import Busy, Invalid, Missing, TooLarge
from curation.actions.refusing import store_errors
from curation.models import Annotation, Media
from curation.storage.errors import ObjectMissing
from curation.storage.spool import Spool, Spooled, ensure_room
from curation.storage.stores import object_store

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
