"""Searches that are killed, run at once, or shared by workers end with the clusters of one that nobody disturbed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from curation.actions import leases
from curation.actions.duplicates import searching
from curation.actions.duplicates.searching import begin_anew, search, search_by_jobs
from curation.jobs.attempt import run_in_thread
from curation.jobs.handlers import HANDLERS
from curation.models import Cluster, ClusterItem, ComparisonDue, DuplicateSearch, Fingerprint, Job, Likeness
from curation.tests.deeds import NOBODY
from curation.tests.duplicates.hills import hills, partition
from curation.tests.duplicates.rows import found
from curation.tests.duplicates.small import in_small_steps
from curation.tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def undisturbed() -> set[tuple[tuple[int, int], ...]]:
    """What a search finds among some hills that are due once more."""
    hills()
    report = found()
    assert report["apart"] > 0  # chains were cut, so that the order could matter
    told = partition()
    begin_anew()
    assert partition() == set()
    return told


def is_over() -> None:
    assert not Likeness.objects.exists()
    assert not ComparisonDue.objects.exists()
    assert not DuplicateSearch.objects.filter(finished_at=None).exists()


def within_limits() -> None:
    """No two media of a cluster differ in more than 24 bits, and each item says how far it is from the centre."""
    prints = {row.media_id: int.from_bytes(bytes(row.dhash256)) for row in Fingerprint.objects.all()}
    for cluster in Cluster.objects.all():
        items = list(ClusterItem.objects.filter(cluster=cluster))
        for item in items:
            mine = prints[item.media_id]
            assert item.distance == (int.from_bytes(bytes(cluster.centre)) ^ mine).bit_count() <= cluster.reach
            assert max((prints[other.media_id] ^ mine).bit_count() for other in items) <= 24
            assert min((prints[other.media_id] ^ mine).bit_count() for other in items if other != item) <= 10
        assert cluster.size == len(items)


def test_killed_three_times_and_begun_again_it_ends_as_one_that_nobody_disturbed(undisturbed: Any) -> None:
    for count in (4, 12, 25):
        command = [
            sys.executable,
            "-m",
            "curation.tests.duplicates.deadly",
            connection.settings_dict["NAME"],
            f"{count}",
        ]
        assert subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode == -9
    assert DuplicateSearch.objects.filter(finished_at=None).count() == 1
    found()
    assert partition() == undisturbed
    is_over()
    within_limits()


def test_two_at_once_end_as_one(undisturbed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_steps(monkeypatch.setattr)
    together([lambda: search(is_global=True, by=NOBODY), lambda: search(is_global=True, by=NOBODY)])
    within_limits()
    assert partition() == undisturbed
    found()  # what the slower one queued at the last moment is known already
    is_over()
    assert partition() == undisturbed


def test_workers_that_share_the_parts_end_as_one(undisturbed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_steps(monkeypatch.setattr)
    assert not search_by_jobs(is_global=True, by=NOBODY).is_done
    ran = 0
    while job := leases.claim(["find_duplicates"]):
        assert run_in_thread(job, HANDLERS["find_duplicates"]) == "done"
        ran += 1
        if ran % 3 == 0:  # delivered twice
            searching.work(Delivered(job))
    assert ran > 15
    assert partition() == undisturbed
    is_over()
    assert {row.requested_by for row in Job.objects.all()} == {None}


class Delivered:
    """A job once more, whose lease nobody asks for."""

    def __init__(self, job: Job) -> None:
        self.payload: dict[str, Any] = job.payload

    def progress(self, done: int, total: int | None = None) -> None:
        """Nobody watches."""


def test_nothing_due_is_one_job_that_ends_the_search(db: None) -> None:
    assert not search_by_jobs(is_global=True, by=NOBODY).is_done
    job = leases.claim(["find_duplicates"])
    assert job is not None
    assert run_in_thread(job, HANDLERS["find_duplicates"]) == "done"
    assert leases.claim(["find_duplicates"]) is None
    is_over()
