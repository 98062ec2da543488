"""The store beside the keys of the source: is it the right store, and what else is in it?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from curation.actions.adopting.address import SourceRefused
from curation.actions.adopting.files import is_content_key
from curation.actions.adopting.findings import Code, Finding, Verdict, harmless
from curation.actions.adopting.source import Source
from curation.actions.walking import unfinished
from curation.storage.base import ObjectStore
from curation.storage.keys import is_ours

FEW = 10  # objects that may be missing anywhere
SHARE = 10  # one in so many more
UNKNOWN = "No row of the source names this object. It stays, and the collector leaves it alone unless told."


@dataclass(slots=True)
class Presence:
    """What the walk through store and source has counted so far."""

    needed: int = 0
    absent: set[str] = field(default_factory=set)  # keys

    @property
    def missing(self) -> int:
        return len(self.absent)

    def refuse_if_alarming(self) -> None:
        """A wrong bucket looks like one that has lost nearly everything: rows would be taken over without files."""
        if self.missing > max(FEW, self.needed // SHARE) or 0 < self.missing == self.needed:
            raise SourceRefused(
                f"{self.missing} of {self.needed} objects are not in the store, so nothing was changed. Is it the "
                "right store? --missing-ok takes their rows over without files."
            )


def count(source: Source, store: ObjectStore) -> Presence:
    """How many objects rows name, and which of them are not there. Raises StoreError, SourceRefused."""
    presence = Presence()
    for key, is_needed, is_there in _side_by_side(source, store):
        presence.needed += is_needed
        if not is_there:
            presence.absent.add(key)
    return presence


def unknown(source: Source, store: ObjectStore) -> Iterator[Finding]:
    """What is in the store and no row names. Raises StoreError, SourceRefused."""
    for key, is_needed, _ in _side_by_side(source, store):
        if not is_needed:
            yield Finding(Code.OBJECT_UNKNOWN, Verdict.NOTED, UNKNOWN, key=key)
    for write in unfinished(store):
        sentence = f"A write begun at {write.started:%Y-%m-%d %H:%M} UTC was never ended."
        yield Finding(Code.UNFINISHED_WRITE, Verdict.NOTED, sentence, key=harmless(write.key))


def _side_by_side(source: Source, store: ObjectStore) -> Iterator[tuple[str, bool, bool]]:
    """(key, whether a row names it, whether the store has it) of each key of ours, in byte order.

    Each side is read a page at a time, so that memory does not grow. Raises StoreError, SourceRefused.
    """
    keys = (key for key in source.all_keys() if is_content_key(key))
    stats = (stat.key for stat in store.walk() if is_ours(stat.key))
    key, found = next(keys, None), next(stats, None)
    while key is not None or found is not None:
        if found is None or (key is not None and key < found):
            yield key or "", True, False
            key = next(keys, None)
        elif key is None or found < key:
            yield found, False, True
            found = next(stats, None)
        else:
            yield key, True, True
            key, found = next(keys, None), next(stats, None)
