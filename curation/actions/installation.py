"""Whether the store was empty when this installation first met it."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from curation.models import Installation
from curation.storage.stores import object_store


def remember() -> Installation:
    """Note, once for each store, whether it holds anything; what was noted first stays.

    A store that changes its name, or a database that meets another store, is a new meeting: then what lies
    there is somebody's, and unknown objects are never collected unasked. Raises StoreUnavailable.
    """
    known = Installation.objects.filter(store=store_name()).first()
    if known is not None:
        return known
    found_empty = object_store().is_empty()
    return Installation.objects.get_or_create(store=store_name(), defaults={"found_empty": found_empty})[0]


def found_empty() -> bool:
    """Whether everything in the store was put there by this installation. False when nothing was noted."""
    return Installation.objects.filter(store=store_name(), found_empty=True).exists()


def store_name() -> str:
    """What the store is called: a folder, or the address of a bucket."""
    backends: dict[str, Any] = settings.STORAGES
    options = backends["default"]["OPTIONS"]
    place = options.get("location") or f"{options.get('endpoint_url', '')}/{options.get('bucket_name', '')}"
    return str(place)[:500]
