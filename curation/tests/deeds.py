"""What people do with media and annotations, done through the actions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from accounts.actor import Actor, command
from accounts.models import Access
from curation.actions import annotations as layers
from curation.actions import media
from curation.actions.collect import Tally, collect
from curation.models import Annotation, Media, StoredObject
from curation.storage.spool import Spooled, spool
from curation.tests.pictures import LABEL, picture

NOBODY = command()
DAY = timedelta(days=1)


def actor(access: Access) -> Actor:
    return Actor(access, door="api")


@contextmanager
def spooled(content: bytes) -> Iterator[Spooled]:
    with spool([content], limit=100_000_000) as received:
        yield received


def upload(row: Media, content: bytes, *, by: Actor = NOBODY) -> Media:
    with spooled(content) as received:
        return media.accept(row, received, name="smoke.jpg", by=by)


def stored_media(seed: int = 0, *, by: Actor = NOBODY) -> Media:
    """A media with a picture of its own seed; equal seeds share their bytes."""
    return upload(media.create(by=by), picture(seed), by=by)


def stored_annotation(row: Media, content: bytes = LABEL, *, by: Actor = NOBODY) -> Annotation:
    return label(layers.create(row, by=by), content, by=by)


def label(row: Annotation, content: bytes, *, by: Actor = NOBODY) -> Annotation:
    with spooled(content) as received:
        return layers.accept(row, received, by=by)


def key_of(row: Media | Annotation) -> str:
    row.refresh_from_db()
    assert row.file.name
    return str(row.file.name)


def row_of(key: str) -> StoredObject:
    return StoredObject.objects.get(key=key)


def delete_long_ago(row: Media, *, ago: timedelta = 31 * DAY) -> None:
    row.refresh_from_db()
    media.delete(row, by=NOBODY)
    Media.objects.filter(pk=row.pk).update(deleted_at=timezone.now() - ago)


def collect_now(*, unknown: bool = False) -> Tally:
    """Collect without a grace."""
    return collect(apply=True, grace=timedelta(0), unknown=unknown, by=NOBODY)
