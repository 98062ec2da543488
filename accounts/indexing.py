"""Indexes of tables that are in use already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.migrations import AddIndex

LIMITS = ("lock_timeout", "statement_timeout")


class AddIndexInPlace(AddIndex):
    """As AddIndex, while others go on writing (PostgreSQL). For migrations with `atomic = False`.

    An attempt that ended halfway leaves an index that serves nobody, so each begins by removing what is there.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            in_place = {"concurrently": True} if _is_postgresql(schema_editor) else {}
            with _patience(schema_editor):
                _drop(schema_editor, self.index.name)
                schema_editor.add_index(model, self.index, **in_place)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            with _patience(schema_editor):
                _drop(schema_editor, self.index.name)


@contextmanager
def _patience(schema_editor: Any) -> Iterator[None]:
    """Building waits for the transactions that are open, and takes minutes on a big table: no limit holds meanwhile."""
    if not _is_postgresql(schema_editor):
        yield
        return
    with schema_editor.connection.cursor() as cursor:
        usual = {}
        for limit in LIMITS:
            cursor.execute("SELECT current_setting(%s), set_config(%s, '0', false)", [limit, limit])
            usual[limit] = cursor.fetchone()[0]
        yield
        for limit, value in usual.items():
            cursor.execute("SELECT set_config(%s, %s, false)", [limit, value])


def _drop(schema_editor: Any, index: str) -> None:
    in_place = "CONCURRENTLY " if _is_postgresql(schema_editor) else ""
    schema_editor.execute(f"DROP INDEX {in_place}IF EXISTS {schema_editor.quote_name(index)}")


def _is_postgresql(schema_editor: Any) -> bool:
    return bool(schema_editor.connection.vendor == "postgresql")
