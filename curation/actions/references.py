"""Which objects are needed."""

from __future__ import annotations

from collections.abc import Collection

from curation.models import REFERENCES, Upload
from curation.storage.base import Incomplete
from curation.storage.keys import incoming_of


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


def keys_of_uploads(keys: Collection[str]) -> set[str]:
    """Those of `keys` that a direct upload left, or may still leave, in incoming/; its sweep removes them."""
    incoming = {key: incoming_of(key) for key in keys}
    if not any(incoming.values()):
        return set()
    rows = Upload.objects.filter(incoming_key__in=set(incoming.values()) - {""}, cleared_at=None)
    kept = set(rows.values_list("incoming_key", flat=True))
    return {key for key, whole in incoming.items() if whole in kept}


def parts_are_of_an_upload(incomplete: Incomplete) -> bool:
    """Whether an open multipart upload is that of a direct upload which has not been swept."""
    rows = Upload.objects.filter(incoming_key=incomplete.key, multipart_id=incomplete.upload_id, cleared_at=None)
    return rows.exists()
