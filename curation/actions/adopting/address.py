"""Where the source is. An address holds a password: it is never shown, not even in the sentence that refuses it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import environ

from accounts.refusals import Conflict

SPELLINGS = "postgres://user:password@host:5432/name or sqlite:////path/to/file"


class SourceRefused(Conflict):
    """The source cannot be taken over as it is; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Address:
    is_sqlite: bool
    name: str = field(repr=False)  # of the database, or the path of the file
    options: dict[str, Any] = field(repr=False)  # what psycopg2.connect() takes beside the name


def parse(url: str) -> Address:
    """Read an address as settings do, and as SQLAlchemy spells it (postgresql+asyncpg://). Raises SourceRefused."""
    scheme, colon, rest = url.strip().partition("://")
    kind = scheme.lower().partition("+")[0]
    if not colon or kind not in {"postgres", "postgresql", "sqlite"}:
        raise SourceRefused(f"The address of the source must be {SPELLINGS}.")
    try:
        found = environ.Env.db_url_config(f"{kind}://{rest}")
    except ValueError:
        found = {}
    name = str(found.get("NAME") or "")
    if not name or name == ":memory:":
        raise SourceRefused(f"The address of the source names no database; write {SPELLINGS}.")
    return Address(kind == "sqlite", name, _options(found))


def _options(found: dict[str, Any]) -> dict[str, Any]:
    """What is not given is left to libpq, which knows PGPASSWORD and ~/.pgpass."""
    named = {word: found.get(column) for word, column in COLUMNS.items()}
    return {word: value for word, value in named.items() if value} | dict(found.get("OPTIONS", {}))


COLUMNS = {"user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
