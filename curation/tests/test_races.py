"""Many at once, with real threads and real commits (C24, C25, C27, C28; I2, I5, I10)."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AuditEntry
from accounts.refusals import Conflict, NotFound, Refusal
from curation.actions import annotations as layers
from curation.actions import media
from curation.actions.check import examine
from curation.models import Annotation, Media, StoredObject
from curation.storage.stores import object_store
from curation.tests import damage
from curation.tests.deeds import NOBODY, collect_now, delete_long_ago, key_of, stored_media, upload
from curation.tests.pictures import picture
from curation.tests.stage import Cue, on_stage
from curation.tests.threads import patiently, together

pytestmark = pytest.mark.django_db(transaction=True)

State = StoredObject.State
LONG_AGO = timedelta(days=365)


def objects() -> list[str]:
    return [stat.key for stat in object_store().walk()]


def release_holds() -> None:
    StoredObject.objects.update(hold_until=None)


# --- C24 -------------------------------------------------------------------------------------------


def test_thirty_clients_with_the_same_content_share_one_object_until_the_last_is_gone() -> None:
    rows = [media.create(by=NOBODY) for _ in range(30)]

    results = together([partial(patiently, partial(upload, row, picture(1))) for row in rows])

    assert not [result for result in results if isinstance(result, Refusal)]
    (key,) = {key_of(row) for row in rows}
    assert objects() == [key]
    assert StoredObject.objects.get().state == State.READY
    assert AuditEntry.objects.filter(action="media.upload").count() == 30

    for row in rows[1:]:
        delete_long_ago(row)
    assert collect_now().media_freed == 29
    assert damage.content_of(key_of(rows[0])) == picture(1)

    delete_long_ago(rows[0])
    collect_now()
    assert objects() == []
    assert not StoredObject.objects.exists()


# --- C25 -------------------------------------------------------------------------------------------


def test_of_twenty_clients_that_saw_the_same_version_one_wins() -> None:
    row = media.create(by=NOBODY)
    seen = [Media.objects.get(pk=row.pk) for _ in range(20)]

    results = together([partial(patiently, partial(upload, each, picture(n))) for n, each in enumerate(seen)])

    assert sum(isinstance(result, Conflict) for result in results) == 19
    _history_is_whole(row, wins=1)


def test_twenty_clients_that_look_again_all_win_one_after_the_other() -> None:
    row = media.create(by=NOBODY)

    def insist(number: int) -> Media:
        while True:
            try:
                return patiently(partial(upload, Media.objects.get(pk=row.pk), picture(number)))
            except Conflict:
                time.sleep(random.uniform(0, 0.02))

    results = together([partial(insist, number) for number in range(20)])

    assert not [result for result in results if isinstance(result, Refusal)]
    _history_is_whole(row, wins=20)


def _history_is_whole(row: Media, *, wins: int) -> None:
    """Versions = commits = audit entries, each from what the one before left; then no orphan stays."""
    row.refresh_from_db()
    entries = list(AuditEntry.objects.filter(action="media.upload", row_id=row.pk).order_by("pk"))
    assert row.version - 1 == len(entries) == wins
    digests = ["", *(entry.after["sha256"] for entry in entries)]
    assert [entry.before["sha256"] for entry in entries] == digests[:-1]
    assert row.sha256 == digests[-1]

    assert examine(full=True).clean
    release_holds()
    collect_now()
    assert objects() == [key_of(row)]


# --- C27 -------------------------------------------------------------------------------------------

MOMENTS = ("before put", "after put", "before remove", "after remove")
SECONDS = 8.0  # as many rounds as fit, but ROUNDS at least
ROUNDS = 20


def _leave_unneeded(number: int, draw: random.Random) -> None:
    """An object that may be collected, in one of the states it can be found in; sometimes none."""
    row = stored_media(number)
    key = key_of(row)
    Media.objects.filter(pk=row.pk).update(file="", sha256="", size=None)
    past = timezone.now() - LONG_AGO
    states = [State.READY, State.READY, State.WRITING, State.MISSING, State.DAMAGED, State.DELETING, None]
    if (state := draw.choice(states)) is None:
        collect_now()
    else:
        StoredObject.objects.filter(key=key).update(state=state, lease_until=past, touched_at=past)


def _dawdle(cues: dict[str, Cue], draw: random.Random) -> None:
    """Delays that make the threads meet at other points each time."""
    for moment in MOMENTS:
        cues[moment] = partial(lambda seconds, key: time.sleep(seconds), draw.choice([0, 0, 0.002, 0.01]))


def test_the_collector_never_takes_what_is_being_uploaded(settings: Settings) -> None:
    cues, draw = on_stage(settings), random.Random(27)
    end, number = time.monotonic() + SECONDS, 0
    while time.monotonic() < end or number < ROUNDS:
        number += 1
        _leave_unneeded(number, draw)
        _dawdle(cues, draw)
        rows = [media.create(by=NOBODY) for _ in range(draw.choice([1, 2]))]

        def collector(delay: float) -> None:
            time.sleep(delay)
            collect_now()

        acts: list[Callable[[], object]] = [partial(patiently, partial(upload, row, picture(number))) for row in rows]
        results = together([*acts, partial(collector, draw.choice([0, 0.003, 0.01]))])

        assert not [result for result in results if isinstance(result, Refusal)], f"round {number}"
        for row in rows:
            assert damage.content_of(key_of(row)) == picture(number), f"round {number}"
        assert StoredObject.objects.get(key=key_of(rows[0])).state == State.READY, f"round {number}"
    assert examine(full=True).clean
    collect_now()
    assert set(objects()) == set(Media.objects.stored().values_list("file", flat=True))


def test_two_collectors_at_once_do_the_work_of_one() -> None:
    for seed in range(20):
        stored_media(seed)
    Media.objects.update(file="", sha256="", size=None)

    results = together([collect_now] * 4)

    assert sum(not isinstance(result, Refusal) for result in results) >= 1
    assert objects() == []
    assert not StoredObject.objects.exists()


def test_a_check_during_uploads_and_collections_finds_nothing() -> None:
    over = threading.Event()

    def send(offset: int) -> None:
        for number in range(8):
            row = patiently(partial(upload, media.create(by=NOBODY), picture(offset + number)))
            delete_long_ago(row)

    def collect_all_the_time() -> None:
        while not over.is_set():
            collect_now()

    def check_all_the_time() -> None:
        try:
            for _ in range(10):
                report = examine(full=True)
                assert report.clean, report.problems
        finally:
            over.set()

    results = together([partial(send, 0), partial(send, 100), collect_all_the_time, check_all_the_time])
    assert not [result for result in results if isinstance(result, Refusal)]


# --- C28 -------------------------------------------------------------------------------------------


def test_no_annotation_lives_on_a_deleted_media() -> None:
    for _ in range(50):
        row = media.create(by=NOBODY)
        create = partial(layers.create, row, by=NOBODY)
        delete = partial(media.delete, Media.objects.get(pk=row.pk), by=NOBODY)
        created, deleted = together([create, delete])
        if isinstance(created, Annotation):
            assert isinstance(deleted, Conflict)
        else:
            assert isinstance(created, NotFound)
            assert deleted is None
    assert not Annotation.objects.filter(deleted_at=None, media__deleted_at__isnull=False).exists()
    entries = AuditEntry.objects.filter(action__in=["annotation.create", "media.delete"])
    assert entries.count() == 50
