"""The database as one file, and back: pg_dump's custom format, or a copy that SQLite makes while others write.

The ledger is read from the very same snapshot as the dump. Two tables stay empty in it: sessions, which would open
the admin to who finds the file; and what this installation found in its store, which is not true elsewhere or later.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.db import connection

from curation.actions.backups import manifest, programs
from curation.actions.backups.folder import MANIFEST, About, BackupRefused, digest_of
from curation.actions.backups.manifest import Ask

PATIENCE = 20.0  # seconds that another writer may take


def dump(partial: Path, about: About) -> None:
    """Write dump and manifest into `partial`, and into `about` what they hold. Raises BackupRefused."""
    with _snapshot(partial / about.dump) as (ask, bytewise):
        about.migrations = [".".join(row) for row in ask("SELECT app, name FROM django_migrations ORDER BY id", [])]
        about.ledger_rows, about.bytes = manifest.write(partial / MANIFEST, ask, bytewise=bytewise)
    about.dump_sha256, about.manifest_sha256 = digest_of(partial / about.dump), digest_of(partial / MANIFEST)


def load(backup: Path, about: About) -> None:
    """Put the dump in the place of the database, all or nothing. Raises BackupRefused."""
    path = backup / about.dump
    connection.close()
    if connection.vendor == "postgresql":
        _load_postgres(path)
    else:
        _load_sqlite(path)


def size() -> int:
    """Bytes of the database; a dump is hardly ever larger."""
    asked = {
        "postgresql": "SELECT pg_database_size(current_database())",
        "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
    }
    with connection.cursor() as cursor:
        cursor.execute(asked[connection.vendor])
        return int(cursor.fetchone()[0])


def server() -> str:
    """The version of the database's server, or of SQLite."""
    connection.ensure_connection()
    if connection.vendor == "postgresql":
        return ".".join(map(str, _postgres().get_database_version()))
    return sqlite3.sqlite_version


def _postgres() -> Any:
    return connection


def _snapshot(path: Path) -> Any:
    return _dump_postgres(path) if connection.vendor == "postgresql" else _dump_sqlite(path)


# --- PostgreSQL ------------------------------------------------------------------------------------


@contextmanager
def _dump_postgres(path: Path) -> Iterator[tuple[Ask, str]]:
    """pg_dump looks through our snapshot, which is held while the ledger is read as well."""
    own = connection.copy()
    try:
        with own.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            (snapshot,) = cursor.fetchone()
            programs.run(
                "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}",
                "--exclude-table-data=django_session", "--exclude-table-data=curation_installation", f"--file={path}",
                programs.name_of_database(), server=_major(),
            )  # fmt: skip

            def ask(query: str, values: list[Any]) -> list[tuple[Any, ...]]:
                cursor.execute(query, values)
                return list(cursor.fetchall())

            yield ask, ' COLLATE "C"'
    finally:
        own.close()


def _load_postgres(path: Path) -> None:
    """Our tables go first, in the same transaction: those that came after the dump refer to those that it replaces."""
    names = connection.introspection.django_table_names(only_existing=True)
    tables = ", ".join(connection.ops.quote_name(name) for name in names)
    connection.close()
    programs.replay(path, first=f"DROP TABLE {tables} CASCADE" if tables else "SELECT 1", server=_major())


def _major() -> int:
    return int(server().partition(".")[0])


# --- SQLite ----------------------------------------------------------------------------------------


@contextmanager
def _dump_sqlite(path: Path) -> Iterator[tuple[Ask, str]]:
    with closing(_sqlite()) as source, closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute("PRAGMA secure_delete = ON")
        copy.execute("DELETE FROM django_session")
        copy.execute("DELETE FROM curation_installation")
        copy.commit()
        if (said := copy.execute("PRAGMA integrity_check").fetchone()) != ("ok",):
            raise BackupRefused(f"The database is damaged: {said[0]}")
        yield lambda query, values: copy.execute(query.replace("%s", "?"), values).fetchall(), ""


def _load_sqlite(path: Path) -> None:
    name = Path(str(connection.settings_dict["NAME"]))
    name.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source, closing(_sqlite()) as own:
        try:
            own.execute("PRAGMA synchronous = FULL")
            source.backup(own)
        except sqlite3.Error as error:
            raise BackupRefused("The database is in use: stop the service first.") from error


def _sqlite() -> sqlite3.Connection:
    return sqlite3.connect(str(connection.settings_dict["NAME"]), timeout=PATIENCE)
