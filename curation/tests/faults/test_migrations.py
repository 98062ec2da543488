"""C52, C53: migrations that are killed, repeated, run by two hosts at once; what they may do to a large table."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, migrations
from django.db.migrations.loader import MigrationLoader

from accounts.indexing import AddConstraintUnread, AddIndexInPlace
from curation.tests.backups.conftest import Elsewhere, elsewhere

__all__ = ["elsewhere"]  # a fixture
pytestmark = pytest.mark.timeout(900)
OURS = ("accounts", "curation")
COLUMNS = """
SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable FROM information_schema.columns
WHERE table_schema = 'public'
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'broken: ' || indexrelid::regclass FROM pg_index WHERE NOT indisvalid
"""
SCHEMA = COLUMNS if connection.vendor == "postgresql" else "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"


def schema_here() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA)
        return {row[0] for row in cursor.fetchall()}


def applied(elsewhere: Elsewhere) -> int:
    try:
        return int(elsewhere.rows("SELECT COUNT(*) FROM django_migrations")[0][0])
    except Exception:  # noqa: BLE001  # there is no table, or SQLite is being written
        return 0


def preparing(elsewhere: Elsewhere) -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage.py", "prepare"]
    return subprocess.Popen(command, cwd=settings.BASE_DIR, env=elsewhere.variables, stdout=subprocess.DEVNULL)


@pytest.mark.usually_on("servers")
def test_migrations_that_are_killed_again_and_again_end_as_undisturbed_ones(elsewhere: Elsewhere, rounds: int) -> None:
    every = 10 if rounds == 1 else 1  # migrations from one death to the next
    deaths = 0
    while True:
        running, before = preparing(elsewhere), applied(elsewhere)
        while running.poll() is None and applied(elsewhere) < before + every:
            time.sleep(0.005)
        running.kill()
        if running.wait() == 0:
            break
        deaths += 1
    assert deaths >= 2
    together = [preparing(elsewhere) for _ in range(2)]
    assert [one.wait() for one in together] == [0, 0]
    assert {row[0] for row in elsewhere.rows(SCHEMA)} == schema_here()
    for table, count in (("accounts_access", 1), ("curation_taxonomyversion", 1), ("curation_installation", 1)):
        assert elsewhere.rows(f"SELECT COUNT(*) FROM {table}") == [(count,)], table


def changes_of_large_tables() -> list[tuple[str, Any]]:
    """Operations on tables that an earlier migration made, which may hold a million rows by then."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    made: dict[tuple[str, str], str] = {}
    found = []
    for key in sorted(key for key in loader.disk_migrations or {} if key[0] in OURS):
        for operation in loader.disk_migrations[key].operations:
            if isinstance(operation, migrations.CreateModel):
                made[key[0], operation.name_lower] = key[1]
            elif (name := getattr(operation, "model_name_lower", "")) and made[key[0], name] != key[1]:
                found.append((f"{key[0]}.{key[1]}: {operation.describe()}", operation))
    return found


def test_no_migration_holds_up_who_writes_into_a_large_table() -> None:
    """Indexes are built in place, checks read rows later; a new column is empty, or has its default in the database."""
    changes = changes_of_large_tables()
    assert len(changes) >= 5
    for told, operation in changes:
        if isinstance(operation, migrations.AddField):
            field: Any = operation.field
            assert field.null or field.has_db_default(), told
            assert not field.db_index, told
        else:
            assert isinstance(operation, (AddIndexInPlace, AddConstraintUnread)), told
