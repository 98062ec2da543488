"""Which objects are needed."""

from __future__ import annotations

from collections.abc import Collection

from curation.models import REFERENCES


def referenced(keys: Collection[str]) -> set[str]:
    """Those of `keys` that a row refers to, whether the row is deleted or not; one query for each column.

    Deleted annotations and every revision count: what was sent once is history, and history keeps its bytes.
    Only a deleted media gives up its file, when the collector frees it.
    """
    found: set[str] = set()
    for model, column in REFERENCES:
        rows = model.objects.filter(**{f"{column}__in": list(keys)})
        found.update(rows.order_by().values_list(column, flat=True).distinct())
    return found
