"""What workers do without being asked: once a period, and never twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from curation.actions import chores
from curation.actions.sweep import sweep
from curation.jobs.handlers import HANDLERS
from curation.models import Job, StorageCheck, StoredObject
from curation.tests import damage
from curation.tests.deeds import key_of, stored_media

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _chores_are_on(settings: Settings) -> None:
    settings.CHORES = True


class Idle:
    """A job's hand that nobody watches."""

    payload: dict[str, object] = {}

    def progress(self, done: int, total: int | None = None) -> None:
        """Nobody watches."""


def put_at(moment: datetime) -> list[str]:
    before = set(Job.objects.values_list("pk", flat=True))
    chores.put_due(moment)
    return sorted(Job.objects.exclude(pk__in=before).values_list("kind", flat=True))


def test_each_chore_is_put_once_a_period_and_again_from_the_first_second_of_the_next() -> None:
    assert put_at(NOON) == ["collect", "scrub", "sweep_uploads"]
    assert put_at(NOON + HOUR - SECOND) == []
    assert put_at(NOON + HOUR) == ["sweep_uploads"]
    tomorrow = NOON.replace(hour=1) + DAY
    assert put_at(tomorrow - SECOND) == ["sweep_uploads"]
    assert put_at(tomorrow) == ["scrub", "sweep_uploads"]


def test_a_chore_that_has_ended_is_not_put_again_in_its_period() -> None:
    put_at(NOON)
    Job.objects.update(state="done")
    assert put_at(NOON + SECOND) == []


def test_whoever_sweeps_jobs_puts_the_chores(settings: Settings) -> None:
    sweep()
    assert Job.objects.count() == len(chores.CHORES)


def test_an_administrator_with_timers_of_their_own_can_switch_them_off(settings: Settings) -> None:
    settings.CHORES = False
    sweep()
    assert not Job.objects.exists()


def test_every_chore_is_known_to_those_who_run_jobs() -> None:
    assert {chore.kind for chore in chores.CHORES} <= set(HANDLERS)


def test_the_nightly_reading_is_noted_for_the_admin() -> None:
    stored_media(1)
    chores.scrub_slice(Idle())
    assert StorageCheck.objects.get().kind == StorageCheck.Kind.SCRUB


@pytest.mark.damages_storage
def test_the_nightly_reading_finds_what_has_decayed() -> None:
    key = key_of(stored_media(1))
    damage.flip_one_bit(key)
    chores.scrub_slice(Idle())
    assert StoredObject.objects.get(key=key).state == StoredObject.State.DAMAGED


def test_the_nightly_collection_takes_what_nothing_needs_after_the_grace_and_not_before() -> None:
    media = stored_media(1)
    key = key_of(media)
    type(media).objects.filter(pk=media.pk).update(file="", sha256="", size=None)
    chores.collect_unneeded(Idle())
    assert StoredObject.objects.filter(key=key).exists()

    StoredObject.objects.update(touched_at=timezone.now() - 2 * DAY)
    chores.collect_unneeded(Idle())
    assert not StoredObject.objects.filter(key=key).exists()
