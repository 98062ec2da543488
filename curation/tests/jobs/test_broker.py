"""A real Redis that carries ids, stops, freezes, forgets; and real Celery workers (C42, C43, C45, C46)."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from kombu.connection import Connection

from curation.actions import announce, jobs, queue
from curation.actions.sweep import LOST_AFTER, QUEUE_MAX, sweep
from curation.models import Job, Worker
from curation.tests.jobs.broker import NO_SERVER, SERVER, Redis
from curation.tests.jobs.conftest import NOBODY, ROOT, Put, children, environment, until
from curation.tests.jobs.kinds import wrote

pytestmark = pytest.mark.django_db(transaction=True)
State = Job.State
QUICKLY = 1.0  # seconds that a request may wait for a broker that is away; on a machine that is busy


@pytest.fixture
def broker(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    if SERVER is None:
        pytest.skip(NO_SERVER)
    server = Redis(tmp_path)
    server.start()
    settings.REDIS_URL = server.url
    announce.get_ready()
    yield server
    server.client.close()
    server.stop()


def commit(key: str = "1", folder: Path | None = None, kind: str = "note") -> Job:
    with transaction.atomic():
        queue.put(f"test.{kind}", key, {"folder": str(folder)}, by=NOBODY)
    return Job.objects.get(key=key)


def timed(act: Callable[[], Any]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


# --- Sending ---------------------------------------------------------------------------------------


def test_the_broker_hears_of_a_job_after_the_commit_and_not_before(broker: Redis) -> None:
    with transaction.atomic():
        queue.put("test.note", "1", {}, by=NOBODY)
        assert broker.messages() == 0
    assert broker.messages() == 1
    assert Job.objects.get().sent_at is not None


def test_nothing_is_sent_of_a_transaction_that_fails_or_of_a_delayed_job(broker: Redis) -> None:
    with transaction.atomic():
        queue.put("test.note", "1", {}, by=NOBODY)
        transaction.set_rollback(True)
    with transaction.atomic():
        queue.put("test.note", "2", {}, by=NOBODY, delay=timedelta(hours=1))
    assert broker.messages() == 0
    assert Job.objects.get().sent_at is None


@pytest.mark.parametrize("trouble", ["stop", "freeze"])
@pytest.mark.parametrize("known", [True, False])
def test_a_broker_that_is_away_costs_a_moment_once(broker: Redis, trouble: str, known: bool) -> None:
    """known: a connection is open already."""
    if known:
        commit("before")
    getattr(broker, trouble)()
    assert timed(lambda: commit("first")) < QUICKLY
    assert timed(lambda: [commit(str(n)) for n in range(20)]) < QUICKLY, "it is not asked each time"
    assert Job.objects.filter(sent_at=None).count() == 21


def test_what_a_broker_did_not_hear_it_is_told_later(broker: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    broker.stop()
    commit()
    assert sweep().sent == 0
    broker.start()
    assert sweep().sent == 0, "it has just failed"
    monkeypatch.setattr(announce._broker(broker.url), "_silent_until", 0.0)
    assert sweep().sent == 1
    assert broker.messages() == 1
    assert sweep().sent == 0


def test_lost_messages_are_sent_again_after_a_while(broker: Redis) -> None:
    job = commit()
    broker.client.flushall()
    now = timezone.now()
    for age, sent in ((LOST_AFTER - timedelta(seconds=5), 0), (LOST_AFTER, 1)):
        Job.objects.filter(pk=job.pk).update(sent_at=now - age)
        assert sweep().sent == sent
        assert broker.messages() == sent


def test_what_waits_in_a_long_queue_is_not_sent_again(broker: Redis) -> None:
    commit()
    Job.objects.update(sent_at=None)
    broker.client.rpush(announce.QUEUE, *["x"] * (QUEUE_MAX - 2))
    assert sweep().sent == 1
    Job.objects.update(sent_at=None)
    assert sweep().sent == 0
    assert broker.messages() == QUEUE_MAX


@pytest.mark.parametrize(
    ("url", "checks"),
    [
        ("rediss://h/0", ssl.CERT_REQUIRED),
        ("rediss://h/0?ssl_cert_reqs=optional", ssl.CERT_OPTIONAL),
    ],
)
def test_certificates_are_checked_unless_told_otherwise(settings: Any, url: str, checks: ssl.VerifyMode) -> None:
    settings.REDIS_URL = url
    broker: Any = Connection(announce.broker_url())  # type: ignore[no-untyped-call]
    assert broker.ssl["ssl_cert_reqs"] == checks


def test_a_queue_that_nobody_empties_does_not_fill_the_broker(broker: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announce, "ROOM", 50)
    monkeypatch.setattr(announce, "LOOK_EVERY", 10)
    for n in range(80):
        commit(str(n))
    assert 50 <= broker.messages() < 60
    assert Job.objects.filter(sent_at=None).count() == 80 - broker.messages()
    broker.client.flushall()
    for n in range(80, 95):
        commit(str(n))
    assert broker.messages() > 0, "it is looked at again"


def test_a_job_that_is_tried_again_by_hand_is_sent(broker: Redis) -> None:
    job = commit()
    Job.objects.update(state="dead", finished_at=timezone.now())
    broker.client.flushall()
    job.refresh_from_db()
    jobs.retry(job, by=NOBODY)
    assert broker.messages() == 1


# --- Celery ----------------------------------------------------------------------------------------


class Celery:
    """Real `celery worker` and `celery beat` on this test's database and Redis."""

    def __init__(self, folder: Path, broker: Redis) -> None:
        self._folder, self._broker = folder, broker
        self.started: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        more = {"REDIS_URL": self._broker.url, "TEST_DATABASE": str(connection.settings_dict["NAME"])}
        with (self._folder / "celery.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "curation.tests.jobs.celery_quick", *words],
                cwd=ROOT,
                env=environment() | more,
                stdout=log,
                stderr=log,
            )
        self.started.append(process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        words = ("--concurrency=1", "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "info")
        self.workers.append(self.start("worker", *words))
        return self.workers[-1]

    def kept(self) -> bool:
        """Start a worker that has ended again, as a container's restart policy does."""
        if self.workers[-1].poll() is not None:
            self.worker()
        return True

    def beat(self) -> subprocess.Popen[bytes]:
        return self.start("beat", "-s", str(self._folder / "schedule"), "--pidfile=")

    def end(self) -> None:
        for process in self.started:
            for pid in children(process.pid):
                os.kill(pid, signal.SIGKILL)
            process.kill()
            process.wait()


@pytest.fixture
def celery(broker: Redis, tmp_path: Path) -> Iterator[Celery]:
    celery = Celery(tmp_path, broker)
    yield celery
    celery.end()


def state(job: Job) -> str:
    job.refresh_from_db()
    return job.state


def test_celery_runs_what_it_hears_of_once_however_often(celery: Celery, broker: Redis, tmp_path: Path) -> None:
    made = [commit(str(n), tmp_path) for n in range(5)]
    announce.announce([job.pk for job in made])
    celery.worker()
    until(lambda: {state(job) for job in made} == {State.DONE}, 60)
    announce.announce([made[0].pk, 999_999])
    last = commit("last", tmp_path)
    until(lambda: state(last) == State.DONE)
    assert wrote(tmp_path, "begun") == 6
    assert {job.attempts for job in Job.objects.all()} == {1}


def test_what_kills_its_worker_is_dead_after_five_attempts_and_blocks_nobody(
    celery: Celery, put: Put, tmp_path: Path
) -> None:
    poison = put("die", signal="SIGKILL")
    celery.worker()
    celery.beat()
    until(lambda: celery.kept() and state(poison) == State.DEAD, 90)
    other = commit("other", tmp_path)
    until(lambda: celery.kept() and state(other) == State.DONE)
    assert poison.attempts == 5
    assert Worker.objects.exists()


def test_celery_ends_what_hangs_and_what_is_over_its_limit(celery: Celery, put: Put, tmp_path: Path) -> None:
    put("freeze")
    celery.worker()
    until((tmp_path / "program").exists, 60)
    os.kill(int((tmp_path / "program").read_text()), signal.SIGKILL)
    brief = put("brief")
    until(lambda: state(brief) == State.WAITING and brief.attempts, 60)
    assert brief.error == "It took longer than 1 seconds."


def test_jobs_put_while_redis_was_away_follow_when_it_is_back_and_has_forgotten_all(
    celery: Celery, broker: Redis, put: Put, tmp_path: Path
) -> None:
    first = commit("first", tmp_path)
    celery.worker()
    celery.beat()
    until(lambda: state(first) == State.DONE, 60)
    broker.stop()
    meanwhile = [commit(f"meanwhile {n}", tmp_path) for n in range(3)]
    broker.start()

    until(lambda: celery.kept() and {state(job) for job in meanwhile} == {State.DONE}, 90)
    assert {job.attempts for job in meanwhile} == {1}


def test_run_worker_and_celery_work_side_by_side(celery: Celery, workers: Any, tmp_path: Path) -> None:
    made = [commit(str(n), tmp_path) for n in range(30)]
    celery.worker()
    workers.start()
    until(lambda: {state(job) for job in made} == {State.DONE}, 60)
    assert wrote(tmp_path, "begun") == 30
