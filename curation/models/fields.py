"""A FileField whose bytes nobody changes behind the ledger's back."""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models.fields.files import FieldFile

WRITTEN_BY = "Objects are written by curation.actions.objects and deleted by the collector alone."


def object_store() -> Storage:
    """The store of settings.STORAGES["default"]: a folder or a bucket."""
    return storages["default"]


def no_upload_to(instance: models.Model, filename: str) -> NoReturn:
    raise TypeError(WRITTEN_BY)


class ObjectFile(FieldFile):
    """Django's save() would rename or overwrite, its delete() and the admin's Clear box would remove shared bytes."""

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(WRITTEN_BY)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(WRITTEN_BY)


class ObjectField(models.FileField):
    """The key of a stored object, assigned by name only; "" = no file. Many rows may share one key."""

    attr_class = ObjectFile

    def __init__(self, **kwargs: Any) -> None:
        fixed = {
            "storage": object_store,
            "upload_to": no_upload_to,
            "editable": False,
            "max_length": 200,
            "blank": True,
        }
        super().__init__(**(kwargs | fixed))
