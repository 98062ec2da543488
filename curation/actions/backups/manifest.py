"""What the ledger names, as lines of JSON in byte order of the keys, written and read one at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curation.models import StoredObject

Ask = Callable[[str, list[Any]], list[tuple[Any, ...]]]  # a query with %s and its values -> all its rows

# Objects that are being written belong to nobody yet, and those being deleted to nobody any more.
LEDGER = """
SELECT key, size, sha256, content_type, state FROM curation_storedobject
WHERE key > %s{bytewise} AND state NOT IN ('writing', 'deleting') ORDER BY key{bytewise} LIMIT 1000
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One object, as the ledger of the dump describes it."""

    key: str
    size: int  # bytes
    sha256: str
    content_type: str
    state: str  # ready, or known to be lost: missing, damaged

    @property
    def is_kept(self) -> bool:
        return self.state == StoredObject.State.READY


def write(path: Path, ask: Ask, *, bytewise: str) -> tuple[int, int]:
    """Write the ledger to `path`; return how many rows it has, and how many bytes their objects.

    bytewise: what makes the database compare text as bytes.
    """
    count = size = 0
    done = ""
    with path.open("w") as file:
        while page := [Entry(*row) for row in ask(LEDGER.format(bytewise=bytewise), [done])]:
            file.writelines(json.dumps(asdict(entry)) + "\n" for entry in page)
            count, size, done = count + len(page), size + sum(entry.size for entry in page), page[-1].key
    return count, size


def read(path: Path) -> Iterator[Entry]:
    with path.open() as file:
        for line in file:
            yield Entry(**json.loads(line))
