"""C51: clocks that go wrong. No statement asks the database for its time, so that only the hosts' clocks count."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.conf import settings

from accounts.models import ApiToken
from accounts.tests.cast import Cast, api
from accounts.tests.test_admin import enter, page, text
from curation.actions import leases, uploads
from curation.actions.check import examine
from curation.models import Job, Media, StoredObject, Upload
from curation.storage.folder import FolderStore
from curation.storage.stores import object_store
from curation.tests.contract.helpers import announce, stored, upload
from curation.tests.deeds import actor, collect_now
from curation.tests.pictures import LABEL, picture
from curation.tests.senders import begin, complete, put

HOUR = timedelta(hours=1)
IN_A_FOLDER = isinstance(object_store(), FolderStore)
FAR = [
    datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),  # one second more than 31 bits hold
    datetime(2106, 2, 7, 6, 28, 16, tzinfo=UTC),  # one more than 32 bits
    datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC),  # clocks in Europe are put forward
    datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC),  # and back
]


def all_that_is_done(cast: Cast, seed: int) -> None:
    """A picture announced, sent, annotated, listed, linked and fetched; and one sent by a link."""
    tower = api(cast.tower)
    media = stored(tower, picture(seed))
    annotation = tower.post("/annotations", {"media_id": media}, format="json").json()["id"]
    assert upload(tower, f"/annotations/{annotation}", LABEL).status_code == 200
    assert tower.get("/media?limit=1").json()[-1]["id"] == media
    address = urlsplit(tower.get(f"/media/{media}/url").json()["url"])
    shown: Any = tower.get(f"{address.path}?{address.query}", HTTP_AUTHORIZATION="")
    assert b"".join(shown.streaming_content) == picture(seed)
    row = begin(tower, picture(seed + 1))
    assert put(row, picture(seed + 1)) == 200
    assert complete(tower, row).status_code == 200


@pytest.mark.skipif(not IN_A_FOLDER, reason="A real store has a clock of its own.")
@pytest.mark.parametrize("moment", FAR, ids=str)
def test_everything_works_at_any_date(cast: Cast, moment: datetime) -> None:
    with time_machine.travel(moment):
        all_that_is_done(cast, 1)
        assert examine(full=True).clean
        assert "uploads" in text(enter(cast.carl).get(page("curation_upload_changelist"))).lower()


@pytest.mark.skipif(not IN_A_FOLDER, reason="A real store has a clock of its own.")
@pytest.mark.parametrize("leap", [HOUR, -HOUR], ids=["forward", "back"])
def test_a_clock_that_leaps_loses_nothing_and_changes_no_order(cast: Cast, leap: timedelta) -> None:
    all_that_is_done(cast, 1)
    with time_machine.travel(datetime.now(UTC) + leap):
        all_that_is_done(cast, 3)
        listed = [row["id"] for row in api(cast.tower).get("/media").json()]
        assert listed == sorted(listed)
        assert examine(full=True).clean
        for name in ("curation_upload_changelist", "curation_job_changelist", "curation_media_changelist"):
            assert re.search(r"-\d+ (s|min|h)\b", text(enter(cast.carl).get(page(name)))) is None
    all_that_is_done(cast, 5)
    assert Media.objects.stored().count() == 6


@pytest.mark.skipif(IN_A_FOLDER, reason="A folder compares no clocks.")
@pytest.mark.parametrize("leap", [HOUR, -HOUR], ids=["fast", "slow"])
def test_a_store_that_refuses_our_clock_is_an_outage_and_no_loss(cast: Cast, leap: timedelta) -> None:
    tower = api(cast.tower)
    kept, waiting = stored(tower, picture(1)), announce(tower)
    with time_machine.travel(datetime.now(UTC) + leap):
        answer = upload(tower, f"/media/{waiting}", picture(2))
        assert (answer.status_code, int(answer["Retry-After"]) > 0) == (503, True)
        assert "store" in answer.json()["detail"]
        assert tower.get(f"/media/{kept}").json()["uploaded"]
    assert {row.state for row in StoredObject.objects.exclude(state="writing")} == {"ready"}
    assert upload(tower, f"/media/{waiting}", picture(2)).status_code == 200
    collect_now()
    assert Media.objects.stored().count() == 2


@pytest.mark.parametrize(("age", "status"), [(-1, 200), (1, 401)])
def test_a_token_ends_by_the_clock_of_the_host_that_is_asked(cast: Cast, age: int, status: int) -> None:
    tower = api(cast.tower)
    tower.get("/media")
    end = datetime.now(UTC) + HOUR
    ApiToken.objects.filter(access=cast.tower).update(expires_at=end)
    with time_machine.travel(end + timedelta(seconds=age), tick=False):
        assert tower.get("/media").status_code == status


def test_what_is_from_the_future_is_neither_expired_nor_of_negative_age(cast: Cast) -> None:
    """The host that began it is an hour ahead of this one."""
    with time_machine.travel(datetime.now(UTC) + HOUR):
        leases.alive("ahead")
        [ahead] = uploads.begin([uploads.Wanted("a.jpg", 9, "ab" * 32, "image")], by=actor(cast.tower))
    assert isinstance(ahead, Upload)
    assert not uploads.is_expired(ahead)
    shown = text(enter(cast.carl).get(page("curation_upload_changelist")))
    assert "0 s" in shown
    assert "No worker has been seen" not in text(enter(cast.carl).get(page("curation_job_changelist")))
    assert Job.objects.filter(kind="derive").count() == 0


def test_no_statement_asks_the_database_for_its_time() -> None:
    asking = re.compile(r"CURRENT_(TIMESTAMP|TIME|DATE)|(?<![.\w])[Nn]ow\(\)|clock_timestamp|db_default=(?!\"\")")
    found = [
        f"{path.name}: {line.strip()}"
        for room in ("accounts", "curation", "pyrostorage_site")
        for path in (Path(settings.BASE_DIR) / room).rglob("*.py")
        if "tests" not in path.parts
        for line in path.read_text().splitlines()
        if asking.search(line)
    ]
    assert found == []
