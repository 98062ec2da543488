"""Curators see when the store was last read, and which rows need what is lost (C11, C12)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Access
from accounts.scopes import Sees
from accounts.tests.cast import Cast
from accounts.tests.test_admin import enter, page, text
from curation.actions.scrub import scrub
from curation.models import Media, StorageCheck, StoredObject
from curation.tests import damage
from curation.tests.deeds import delete_long_ago, key_of, row_of, stored_annotation, stored_media

pytestmark = [pytest.mark.django_db, pytest.mark.damages_storage]

ADDRESS = "curation_storedobject_integrity"


def shown(client: Client, name: str = ADDRESS) -> str:
    return " ".join(text(client.get(page(name))).split())


def test_before_the_first_scrub_the_page_says_so(cast: Cast) -> None:
    stored_media()
    answer = shown(enter(cast.carl))
    assert "<dt>Last scrub (UTC)</dt> <dd> never </dd>" in answer
    assert "No scrub has begun for two days" in answer
    assert "No object is known to be missing or damaged." in answer


def test_after_a_scrub_the_page_tells_when_and_how_much(cast: Cast) -> None:
    stored_media(0)
    stored_media(1)
    scrub()
    line = StorageCheck.objects.get()
    answer = shown(enter(cast.carl))
    assert f"{line.began_at:%Y-%m-%d %H:%M}" in answer
    assert "<dd>100 %</dd>" in answer
    assert "No scrub has begun" not in answer


@pytest.mark.parametrize(("age", "late"), [(timedelta(hours=47), False), (timedelta(hours=48), True)])
def test_two_nights_without_a_scrub_are_said(cast: Cast, age: timedelta, late: bool) -> None:
    StorageCheck.objects.create(kind="scrub", began_at=timezone.now() - age)
    assert ("No scrub has begun" in shown(enter(cast.carl))) is late


def test_a_scrub_that_stopped_says_why(cast: Cast) -> None:
    StorageCheck.objects.create(kind="scrub", ended_at=timezone.now(), stopped="The store does not answer.")
    assert "The last scrub stopped: The store does not answer." in shown(enter(cast.carl))


def test_what_is_lost_is_listed_with_the_rows_that_need_it(cast: Cast) -> None:
    media = stored_media(0)
    annotation = stored_annotation(media)
    deleted = stored_media(0)
    delete_long_ago(deleted)
    lost = {key_of(media), key_of(annotation)}
    for key in lost:
        damage.flip_one_bit(key)
    key_of(stored_media(1))
    scrub(size=10**9)

    client = enter(cast.carl)
    answer = shown(client)
    for key in lost:
        assert f'<a href="{page("curation_storedobject_change", row_of(key).pk)}">{key}</a>' in answer
    assert f'<a href="{page("curation_media_change", media.pk)}">media {media.pk}</a>' in answer
    assert f'<a href="{page("curation_annotation_change", annotation.pk)}">annotation {annotation.pk}</a>' in answer
    assert f", media {deleted.pk}" in answer or f"media {deleted.pk}," in answer  # it has no page any more
    assert f"{page('curation_media_change', deleted.pk)}" not in answer
    assert "2 objects of the store are missing or damaged" in shown(client, "index")


def test_the_first_page_is_silent_while_all_is_well(cast: Cast) -> None:
    stored_media()
    assert "missing or damaged" not in shown(enter(cast.carl), "index")


def test_who_does_not_see_everything_sees_neither_page_nor_line(cast: Cast) -> None:
    stored_media()
    StoredObject.objects.update(state="missing")
    Access.objects.filter(pk=cast.carl.pk).update(sees=Sees.OWN)
    client = enter(cast.carl)
    assert client.get(page(ADDRESS)).status_code == 403
    assert "missing or damaged" not in shown(client, "index")


def test_the_page_asks_as_often_for_many_objects_as_for_one(cast: Cast) -> None:
    client = enter(cast.carl)
    counts = []
    for seeds in (range(1), range(1, 8)):
        for seed in seeds:
            stored_annotation(stored_media(seed))
        StoredObject.objects.update(state="missing")
        client.get(page(ADDRESS))
        with CaptureQueriesContext(connection) as captured:
            client.get(page(ADDRESS))
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 20
    assert Media.objects.count() == 8
