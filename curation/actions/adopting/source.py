"""Reading the old service: its three tables, from one moment, in bounded memory, never written to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from curation.actions.adopting.address import Address, SourceRefused
from curation.actions.adopting.engines import Engine, PostgreSQL, SQLite

TABLES = {
    "accesses": ("id", "login", "hashed_password", "scope"),
    "media": ("id", "bucket_key", "type", "created_at"),
    "annotations": ("id", "media_id", "bucket_key", "created_at"),
}
ACCESSES = """
SELECT id, CAST(login AS TEXT), CAST(hashed_password AS TEXT), CAST(scope AS TEXT) FROM accesses ORDER BY id
"""
MEDIA = """
SELECT id, CAST(bucket_key AS TEXT), CAST(created_at AS TEXT), min(id) OVER (PARTITION BY bucket_key),
       CAST(type AS TEXT)
FROM media ORDER BY id
"""
ANNOTATIONS = """
SELECT a.id, CAST(a.bucket_key AS TEXT), CAST(a.created_at AS TEXT), min(a.id) OVER (PARTITION BY a.bucket_key),
       a.media_id, m.id
FROM annotations a LEFT JOIN media m ON m.id = a.media_id ORDER BY a.id
"""
KEYS = """
SELECT key COLLATE {collation} FROM (
  SELECT CAST(bucket_key AS TEXT) AS key FROM media UNION SELECT CAST(bucket_key AS TEXT) FROM annotations
) AS keys WHERE key <> '' ORDER BY 1
"""
MEDIA_TIMES = "SELECT id, CAST(created_at AS TEXT) FROM media WHERE id > 0 ORDER BY id"
ANNOTATION_TIMES = "SELECT id, CAST(created_at AS TEXT) FROM annotations WHERE id > 0 ORDER BY id"
FIGURES = {
    "accesses": "SELECT count(*), count(hashed_password), max(id) FROM accesses",
    "media": "SELECT count(*), count(bucket_key), max(id) FROM media",
    "annotations": "SELECT count(*), count(bucket_key), max(id) FROM annotations",
}


@dataclass(frozen=True, slots=True)
class OldAccess:
    id: int
    login: str | None
    hashed_password: str | None
    scope: str | None


@dataclass(frozen=True, slots=True)
class OldFile:
    """What media and annotations have in common; times as text, because some are none."""

    id: int
    key: str | None
    created_at: str | None
    first_with_key: int | None  # the lowest id in the table with the same key


@dataclass(frozen=True, slots=True)
class OldMedia(OldFile):
    type: str | None


@dataclass(frozen=True, slots=True)
class OldAnnotation(OldFile):
    media_id: int | None
    media_found: int | None  # None: there is no media with that id


@dataclass(frozen=True, slots=True)
class Figures:
    """What changes when somebody writes to a table."""

    rows: int
    filled: int  # rows with a file (accesses: with a password)
    highest: int  # id; 0 for an empty table


class Source:
    """The tables of pyro-storage 0.1, all as of the moment this was opened."""

    def __init__(self, address: Address, engine: Engine) -> None:
        self._address, self._engine = address, engine

    def accesses(self) -> Iterator[OldAccess]:
        return (OldAccess(*row) for row in self._engine.rows(ACCESSES))

    def media(self) -> Iterator[OldMedia]:
        return (OldMedia(*row) for row in self._engine.rows(MEDIA))

    def annotations(self) -> Iterator[OldAnnotation]:
        return (OldAnnotation(*row) for row in self._engine.rows(ANNOTATIONS))

    def all_keys(self) -> Iterator[str]:
        """Every key that a row names, each once, in byte order."""
        return (key for (key,) in self._engine.rows(KEYS.format(collation=self._engine.byte_order)))

    def times(self, table: str) -> Iterator[tuple[int, str | None]]:
        """(id, created_at) of media or annotations, in the order of their ids."""
        return self._engine.rows(MEDIA_TIMES if table == "media" else ANNOTATION_TIMES)

    def figures(self) -> dict[str, Figures]:
        found = {table: next(self._engine.rows(query)) for table, query in FIGURES.items()}
        return {table: Figures(rows, filled, highest or 0) for table, (rows, filled, highest) in found.items()}

    def figures_now(self) -> dict[str, Figures]:
        """The figures of this very moment, as a second look sees them."""
        with open_source(self._address) as fresh:
            return fresh.figures()

    def changed(self) -> list[str]:
        """The tables that somebody has written to since this was opened."""
        before, now = self.figures(), self.figures_now()
        return [table for table in TABLES if before[table] != now[table]]


@contextmanager
def open_source(address: Address) -> Iterator[Source]:
    """Raises SourceRefused when there is no complete pyro-storage 0.1 to be read."""
    engine: Engine = SQLite(address) if address.is_sqlite else PostgreSQL(address)
    try:
        _check_shape(engine)
        yield Source(address, engine)
    finally:
        engine.close()


def _check_shape(engine: Engine) -> None:
    types = {table: engine.columns(table) for table in TABLES}
    absent = [table for table, columns in types.items() if not columns]
    if len(absent) == len(TABLES):
        raise SourceRefused(f"The source is no pyro-storage: it has none of the tables {', '.join(TABLES)}.")
    if absent:
        raise SourceRefused(f"The source is not complete: it has no table {' and no table '.join(absent)}.")
    for table, expected in TABLES.items():
        if lacking := [column for column in expected if column not in types[table]]:
            raise SourceRefused(f"The source is not complete: its table {table} has no column {', '.join(lacking)}.")
        if not types[table]["id"].lower().startswith(("int", "bigint", "smallint")):
            raise SourceRefused(f"The source is no pyro-storage: the ids of its table {table} are not numbers.")
