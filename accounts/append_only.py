"""Triggers that keep history append-only on PostgreSQL. SQLite relies on the managers.

The functions use no live model: migrations of both apps call them with a table name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_to_rewrite_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'History is append-only: rows of % are never changed or removed.', TG_TABLE_NAME;
END $$
"""
# TRUNCATE is left to the owner of the database: tests empty their tables with it.
TRIGGER = """
CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION refuse_to_rewrite_history()
"""


def add(table: str) -> Callable[[Any, Any], None]:
    def forwards(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(FUNCTION, params=None)  # its % is no placeholder
            schema_editor.execute(TRIGGER.format(table=table))

    return forwards


def drop(table: str) -> Callable[[Any, Any], None]:
    def backwards(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_is_append_only ON {table}")

    return backwards
