"""Day, twilight or night: kept with each media, and made right when its time, its place or its camera change."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction

from accounts.tests.cast import Cast, api
from curation.actions import cameras, light
from curation.models import Camera, Job, Media
from curation.tests.deeds import actor
from curation.tests.places import NOON, resolved, taken

pytestmark = pytest.mark.django_db
MIDNIGHT, DAWN = NOON.replace(hour=0), datetime(2024, 3, 6, 5, 55, tzinfo=UTC)  # the sun of 44 N, 4 E
HERE: dict[str, Any] = {"latitude": 44.0, "longitude": 4.0}


class Attempt:
    """One attempt at a job of this payload."""

    def __init__(self, **payload: Any) -> None:
        self.payload = payload

    def progress(self, done: int, total: int | None = None) -> None:
        """Nobody watches."""


@pytest.mark.parametrize(("at", "found"), [(NOON, "day"), (DAWN, "twilight"), (MIDNIGHT, "night")])
def test_it_follows_from_time_and_place(at: datetime, found: str) -> None:
    [media] = resolved(taken(captured_at=at, **HERE))
    assert media.light == found


def test_it_is_unknown_where_time_or_place_are() -> None:
    lost, timeless = resolved(taken(0), taken(None, **HERE))
    assert (lost.light, timeless.light) == ("", "")


def test_a_media_without_a_position_has_that_of_its_camera_and_its_own_goes_first(cast: Cast) -> None:
    [media] = resolved(taken(0))
    camera = Camera.objects.get()
    cameras.describe_camera(camera, HERE, by=actor(cast.carl))
    beyond = taken(0, latitude=44.0, longitude=-176.0)  # where it is night
    light.work(Attempt(**Job.objects.get(kind="light").payload))
    assert [row.light for row in resolved(media, beyond)] == ["day", "night"]


def test_a_camera_that_is_moved_has_the_light_of_its_media_made_right(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(light, "PAGE", 2)
    rows = resolved(*(taken(minute) for minute in range(5)))
    camera = Camera.objects.get()
    for longitude, found in ((4.0, "day"), (-176.0, "night"), (None, "")):
        where = {"latitude": None if longitude is None else 44.0, "longitude": longitude}
        camera = cameras.describe_camera(camera, where, by=actor(cast.carl))
        light.work(Attempt(**Job.objects.filter(kind="light").latest("pk").payload))
        assert {Media.objects.get(pk=row.pk).light for row in rows} == {found}
    assert Job.objects.filter(kind="light").count() == 3


def test_a_camera_that_is_only_renamed_asks_for_nothing(cast: Cast) -> None:
    resolved(taken())
    cameras.describe_camera(Camera.objects.get(), {"name": "ridge"}, by=actor(cast.carl))
    assert not Job.objects.filter(kind="light").exists()


@pytest.mark.parametrize("said", [{"captured_at": "2024-03-06T00:00:00Z"}, {"longitude": -176.0}])
def test_another_time_or_place_is_another_light(cast: Cast, said: dict[str, Any]) -> None:
    [media] = resolved(taken(0, owner=cast.tower, **HERE))
    assert api(cast.tower).get(f"/media/{media.pk}").json()["light"] == "day"
    assert api(cast.tower).patch(f"/media/{media.pk}", said, format="json").status_code == 200
    assert Job.objects.filter(kind="resolve", key=f"{media.pk}:2").exists()
    [media] = resolved(media)
    assert media.light == "night"


def test_an_announced_media_with_time_and_place_asks_for_its_light(cast: Cast) -> None:
    tower = api(cast.tower)
    tower.post("/media", {"captured_at": NOON.isoformat()} | HERE, format="json")
    assert Job.objects.filter(kind="resolve").count() == 1
    tower.post("/media", HERE, format="json")
    assert Job.objects.filter(kind="resolve").count() == 1


def test_the_database_refuses_any_other_light() -> None:
    with pytest.raises(IntegrityError, match="media_light_is_known"), transaction.atomic():
        taken(light="dusk")


def test_media_that_were_there_before_are_told_theirs() -> None:
    """The migration, in pages; a second run changes nothing."""
    [by_camera] = resolved(taken(0))
    Camera.objects.update(**HERE)
    own, lost, timeless = taken(0, **HERE), taken(0, camera=""), taken(None, **HERE)
    migration = import_module("curation.migrations.0019_light")
    for _ in range(2):
        migration.fill(apps, None)
        found = {row.pk: row.light for row in Media.objects.all()}
        assert found == {by_camera.pk: "day", own.pk: "day", lost.pk: "", timeless.pk: ""}
