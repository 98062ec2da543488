"""New rows get ids above everything that the source ever gave away and still shows."""

from __future__ import annotations

from django.db import connection
from django.db.models import Max

from accounts.models import Access
from curation.actions.adopting.source import Figures
from curation.models import Annotation, Media

MODELS = {"accesses": Access, "media": Media, "annotations": Annotation}
POSTGRESQL = """
SELECT setval(name::regclass, greatest(%s, coalesce(pg_sequence_last_value(name::regclass), 0)))
FROM pg_get_serial_sequence(%s, 'id') AS name
"""


def move_beyond(figures: dict[str, Figures]) -> None:
    """Let the ids of our three tables continue above the highest of the source; never lowers anything."""
    for table, model in MODELS.items():
        ours = model._default_manager.aggregate(highest=Max("pk"))["highest"] or 0
        highest = max(ours, figures[table].highest)
        if highest > 0:
            _move(model._meta.db_table, highest)


def _move(table: str, highest: int) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL, [highest, table])
            return
        cursor.execute("UPDATE sqlite_sequence SET seq = max(seq, %s) WHERE name = %s", [highest, table])
        if not cursor.rowcount:
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, highest])
