"""Indexes and checks of tables that are in use already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.migrations import AddConstraint, AddIndex, RunPython

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


class AddConstraintUnread(AddConstraint):
    """As AddConstraint, for a check; the rows that are there are not read, for nobody may write meanwhile (PostgreSQL).

    `ReadConstraint` in the next migration reads them, while others write.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if not _is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        schema_editor.execute(f"{self.constraint.create_sql(model, schema_editor)} NOT VALID", params=None)


class ReadConstraint(RunPython):
    """Read the rows that `AddConstraintUnread` did not."""

    def __init__(self, table: str, name: str) -> None:
        self.table, self.name = table, name
        super().__init__(self.read, RunPython.noop)

    def deconstruct(self) -> Any:
        return self.__class__.__name__, [self.table, self.name], {}

    def read(self, apps: Any, schema_editor: Any) -> None:
        if _is_postgresql(schema_editor):
            quote = schema_editor.quote_name
            with _patience(schema_editor):
                schema_editor.execute(f"ALTER TABLE {quote(self.table)} VALIDATE CONSTRAINT {quote(self.name)}")


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
