"""C42, C49: whoever runs a job dies by signal 9 (deadly_jobs names the points); C43: two run the same one at once.

Leases last 1.5 s here, so that many can be waited for.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from curation.actions.leases import LEASE
from curation.tests.faults import deeds, killing
from curation.tests.faults.deeds import ALL_DERIVED, PICTURES, fresh
from curation.tests.faults.estate import Estate, two_runners
from curation.tests.faults.outcomes import clean, note

pytestmark = [pytest.mark.timeout(1800), pytest.mark.usually_on("folder")]
FILES = 2 * PICTURES
ENDED = "J4"  # the job is done already: nobody has to take it over


@pytest.fixture(scope="module", autouse=True)
def _clean_afterwards(estate: Estate) -> Iterator[None]:
    yield
    estate.until(estate.is_idle)
    clean(*estate.hosts)


@pytest.fixture(autouse=True)
def _idle(estate: Estate) -> None:
    """No job of another test comes to a point that was meant for this one's."""
    estate.until(estate.is_idle)


def test_the_service_itself_waits_a_minute_at_most_for_a_dead_worker() -> None:
    assert LEASE.total_seconds() <= 60


def job(estate: Estate, kind: str, key: object) -> tuple[str, int]:
    """State and attempts of a job; those of derive are named by their media."""
    query = "SELECT state, attempts FROM curation_job WHERE kind = %s AND key LIKE %s"
    [found] = estate.first.rows(query, kind, f"{key}:%" if kind == "derive" else str(key))
    return found[0], found[1]


def order(estate: Estate, phase: str, kind: str) -> None:
    """J1, a heartbeat, comes only while something lasts: the job waits in its midst for it."""
    if phase == "J1":
        killing.order_pause(estate.orders, "P5")
    killing.order(estate.orders, point_of(phase, kind))


def point_of(phase: str, kind: str) -> str:
    return f"{phase}.{kind}" if phase in {"J0", "J1", "J3", "J4"} else phase


def wait_for_the_end(estate: Estate, phase: str, kind: str, key: object) -> None:
    """Until somebody died at `phase`, and the job was done nevertheless, by a second attempt."""
    estate.until(lambda: killing.is_used_up(estate.orders, point_of(phase, kind)))
    killing.withdraw(estate.orders, "P5")
    estate.until(lambda: job(estate, kind, key)[0] == "done")
    attempts = job(estate, kind, key)[1]
    assert attempts == 1 if phase == ENDED else attempts >= 2


@pytest.mark.parametrize("phase", ["J0", "P5.1", "P5.2", "J1", "J3", ENDED])
def test_a_worker_killed_anywhere_leaves_one_set_of_small_pictures(estate: Estate, phase: str, rounds: int) -> None:
    for _ in range(rounds):
        content = fresh(400)  # larger than its small picture, so that two are written
        order(estate, phase, "derive")
        media = deeds.stored(estate, content)
        wait_for_the_end(estate, phase, "derive", media)

        assert deeds.derived(estate, media) == ALL_DERIVED
        assert deeds.is_derived(estate, media)
        note(estate.first, phase, "derive job", "derived once")


@pytest.mark.parametrize("phase", ["J0", "P5.1", "J1", "J3", ENDED])
def test_a_worker_killed_anywhere_leaves_one_media_of_a_direct_upload(estate: Estate, phase: str, rounds: int) -> None:
    for _ in range(rounds):
        content = fresh()
        stored_anew = phase in {"P5.1", "J1"}  # else, in a bucket, it stays where it is, and the job is short
        upload = deeds.begun(estate, content, name="ridge" if stored_anew else "ridge.jpg")
        order(estate, phase, "complete_upload")
        assert deeds.complete(estate, upload).status_code == 202
        wait_for_the_end(estate, phase, "complete_upload", upload)

        row = deeds.upload_row(estate, upload)
        assert row["state"] == "done"
        assert estate.first.content_of(row["media"]["id"]) == content
        copies = "SELECT count(*) FROM curation_media WHERE sha256 = %s"
        assert estate.first.rows(copies, deeds.sha(content)) == [(1,)]
        note(estate.first, phase, "complete upload job", "one media")
        estate.until(estate.is_idle)


@pytest.fixture(scope="module")
def undisturbed(estate: Estate) -> dict[str, Any]:
    """What an import leaves that nobody disturbed."""
    run = deeds.posted(estate, deeds.archive())
    estate.until(lambda: deeds.import_row(estate, run)["state"] == "done")
    left = deeds.made_by(estate, run)
    assert left["run"] == [("done", FILES, FILES, 0, 0, 0, "", "")]
    assert (left["media with these bytes"], left["annotations"]) == ([(PICTURES,)], [(PICTURES,)])
    return left


@pytest.mark.parametrize("phase", ["J0", "P5.1", f"P5.{FILES // 2}", f"P5.{FILES}", "J1", "J2", "J3", ENDED])
def test_an_import_killed_anywhere_leaves_what_an_undisturbed_one_leaves(
    estate: Estate, undisturbed: dict[str, Any], phase: str, rounds: int
) -> None:
    for _ in range(rounds):
        estate.until(estate.is_idle)
        order(estate, phase, "import")
        run = deeds.posted(estate, deeds.archive())
        wait_for_the_end(estate, phase, "import", run)

        assert deeds.made_by(estate, run) == undisturbed
        note(estate.first, phase, "import job", "as undisturbed")


@pytest.mark.parametrize("kind", ["derive", "complete_upload", "import"])
def test_a_worker_that_is_frozen_past_its_lease_and_goes_on_meets_its_successor_without_harm(
    estate: Estate, undisturbed: dict[str, Any], kind: str, rounds: int
) -> None:
    """Two at once have the same job: the one in the midst of it for whom nobody waits any more, and the next."""
    for _ in range(rounds):
        content = fresh()
        upload = deeds.begun(estate, content, name="ridge") if kind == "complete_upload" else 0  # not to stay in place
        lost = estate.log().count('"status": "lost"')
        killing.order_pause(estate.orders, "P5")
        if kind == "derive":
            key = deeds.stored(estate, content)
        elif kind == "import":
            key = deeds.posted(estate, deeds.archive())
        else:
            key = upload
            assert deeds.complete(estate, upload).status_code == 202
        frozen = killing.paused_at(estate.orders, "P5")
        os.kill(frozen, signal.SIGSTOP)
        with two_runners(estate):
            estate.until(lambda key=key: job(estate, kind, key)[0] == "done")  # type: ignore[misc]
            os.kill(frozen, signal.SIGCONT)
            killing.resume(estate.orders, "P5")
            estate.until(lambda lost=lost: estate.log().count('"status": "lost"') > lost)  # type: ignore[misc]
            estate.until(estate.is_idle)

        if kind == "derive":
            assert deeds.derived(estate, key) == ALL_DERIVED
        elif kind == "import":
            assert deeds.made_by(estate, key) == undisturbed
        else:
            copies = "SELECT count(*) FROM curation_media WHERE sha256 = %s"
            assert estate.first.rows(copies, deeds.sha(content)) == [(1,)]
        note(estate.first, "P5, frozen", {"complete_upload": "complete upload"}.get(kind, kind) + " job", "once")
