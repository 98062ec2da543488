"""Two hosts with production's settings on the database, bucket and broker of the tests: a server and a worker on each,
and one beat."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from curation.actions.announce import announce
from curation.jobs.handlers import HANDLERS
from curation.models import Job
from curation.tests.faults.house import House, at_home, serving
from curation.tests.faults.runners import QUIET, Runner

_CELERY = ("celery", "-A", "pyrostorage_site.celery")
WORKER = (*_CELERY, "worker", "--concurrency=1", *QUIET, "-l", "info")
BEAT = (*_CELERY, "beat", "--pidfile=")
PATIENCE = 120.0  # seconds for the jobs of one test: a worker that died holds its job until its lease has ended
SERVICES = ("S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_REGION", "S3_ENDPOINT_URL", "BUCKET_NAME", "REDIS_URL")


@dataclass
class Hosts:
    houses: list[House]
    workers: list[Runner]
    jobs: int = 0  # that the workers were given
    restarts: int = 0  # of workers that ended themselves: standing still, one may take itself for deaf

    @property
    def ports(self) -> list[int]:
        return [int(house.environment["PORT"]) for house in self.houses]

    def pause(self) -> None:
        """The workers stand still, so that a test sees its jobs wait; none stands in the midst of a transaction."""
        self._signal(signal.SIGSTOP)
        while _somebody_is_in_a_transaction():
            self._signal(signal.SIGCONT)
            time.sleep(0.02)
            self._signal(signal.SIGSTOP)

    def work_off(self) -> list[tuple[str, str]]:
        """The workers do what is due, and what follows from that; kind and error of those that failed by our fault."""
        others = set(_running())  # a test says so, and nobody works at them
        self._signal(signal.SIGCONT)
        deadline = time.monotonic() + PATIENCE
        given: set[int] = set()
        try:
            while due := {*_due(), *_running()} - others:
                if new := due - given:
                    announce(sorted(new))
                    given |= new
                assert time.monotonic() < deadline, f"jobs that nobody does: {_told(due)}"
                time.sleep(0.02)
        finally:
            self.jobs += len(given)
            self.pause()
        bugs = Job.objects.filter(pk__in=given, error__contains="fault of the service")
        return list(bugs.values_list("kind", "error"))

    def _signal(self, number: signal.Signals) -> None:
        for worker in self.workers:
            if worker.has_ended:
                self.restarts += 1
                worker.start()
            for pid in worker.pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)


def _due() -> Iterator[int]:
    return iter(Job.objects.filter(kind__in=HANDLERS).due(timezone.now()).values_list("pk", flat=True))


def _running() -> Iterator[int]:
    return iter(Job.objects.filter(kind__in=HANDLERS, state=Job.State.RUNNING).values_list("pk", flat=True))


def _told(jobs: set[int]) -> list[tuple[object, ...]]:
    return list(Job.objects.filter(pk__in=jobs).values_list("kind", "key", "state", "attempts", "error"))


def _somebody_is_in_a_transaction() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend' AND state <> 'idle'"
        )
        return bool(cursor.fetchone()[0])


@contextmanager
def two_hosts(folder: Path) -> Iterator[Hosts]:
    """Start them; the workers stand still."""
    houses = [at_home(folder / name, _variables()) for name in ("one", "two")]
    houses[0].manage("collectstatic", "--noinput")
    one, two = (Path(house.environment["DATA_DIR"]) / "static" for house in houses)
    shutil.copytree(one, two)
    workers = [Runner(house, WORKER) for house in houses]
    beat = Runner(houses[0], (*BEAT, "-s", str(folder / "schedule")))
    with ExitStack() as stack:
        for house in houses:
            stack.enter_context(serving(house))
        for runner in (beat, *workers):
            runner.start()
            stack.callback(runner.end)
        hosts = Hosts(houses, workers)
        _wait_until_ready(workers)
        hosts.pause()
        yield hosts


def _wait_until_ready(workers: list[Runner]) -> None:
    deadline = time.monotonic() + PATIENCE
    while any(" ready." not in worker.log_file.read_text(errors="replace") for worker in workers):
        if time.monotonic() > deadline:
            pytest.fail(f"no worker: {workers[0].log_file.read_text()[-3000:]}", pytrace=False)
        time.sleep(0.1)


def _variables() -> dict[str, str]:
    """Production's settings, but that a test says when nightly work is done."""
    before, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return {name: os.environ[name] for name in SERVICES} | {
        "DJANGO_SETTINGS_MODULE": "pyrostorage_site.settings",
        "DATABASE_URL": f"{before}/{connection.settings_dict['NAME']}",
        "DATABASE_SECONDS": str(settings.DATABASE_SECONDS),
        "SECRET_KEY": settings.SECRET_KEY,
        "PUBLIC_URL": settings.PUBLIC_URL,
        "ALLOWED_HOSTS": "testserver",
        "CHORES": "no",
        "LOG_LEVEL": "INFO",
    }
