"""The store of this installation."""

from __future__ import annotations

from typing import cast

from django.core.files.storage import storages

from curation.storage.base import ObjectStore


def object_store() -> ObjectStore:
    """settings.STORAGES["default"]: a folder or a bucket."""
    return cast(ObjectStore, storages["default"])
