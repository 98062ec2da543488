"""Several hosts that share a database, a store and a broker; and whoever runs their jobs."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests

from curation.tests.faults.crowd import seconds_until
from curation.tests.faults.house import House, Servers, at_home, before, lines, on, serving, settle, through
from curation.tests.faults.proxy import FaultProxy
from curation.tests.faults.runners import BEAT, CELERY, PLAIN, Runner
from curation.tests.jobs.broker import Redis

# No nightly work comes in between; every direct upload is left to a job; a client's address is what it says.
VARIABLES = {"CHORES": "no", "UPLOAD_INLINE_MAX_MIB": "0", "TRUSTED_PROXIES": "127.0.0.0/8"}


@dataclass
class Estate:
    hosts: list[House]
    runners: list[Runner]
    broker: Redis | None = None  # None: jobs are run without one
    line: FaultProxy | None = None  # to the broker
    orders: Path = field(default_factory=Path)  # of those who run jobs

    @property
    def first(self) -> House:
        return self.hosts[0]

    def until(self, so: Callable[[], Any], most: float = 60) -> float:
        """Wait for something, while whoever ends is started again; the seconds that it took."""

        def kept() -> bool:
            for runner in self.runners:
                runner.keep()
            return bool(so())

        return seconds_until(kept, most)

    def jobs(self, state: str = "") -> list[Any]:
        """Kind, key, state and attempts of all jobs, or of those in a state."""
        columns = "SELECT kind, key, state, attempts FROM curation_job"
        return self.first.rows(f"{columns} WHERE state = %s", state) if state else self.first.rows(columns)

    def is_idle(self) -> bool:
        return not self.jobs("waiting") and not self.jobs("running")

    def log(self) -> str:
        return "".join(runner.log_file.read_text(errors="replace") for runner in self.runners)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Whoever runs jobs is at work meanwhile."""
        for runner in self.runners:
            runner.start()
        try:
            yield
        finally:
            for runner in self.runners:
                runner.end()

    def as_curator(self, method: str, path: str, host: int = 0, **options: Any) -> requests.Response:
        house = self.hosts[host]
        return house.ask(method, path, headers={"Authorization": f"Bearer {house.curator}"}, **options)


@contextlib.contextmanager
def cottage(folder: Path) -> Iterator[Estate]:
    """One host, SQLite and a folder; run_worker is to run its jobs."""
    house = at_home(folder, VARIABLES | {"JOBS_IN_REQUEST": "0"})
    settle(house)
    with serving(house):
        yield _estate([house], (PLAIN,), folder)


@contextlib.contextmanager
def manor(folder: Path, behind: Servers, broker: Redis) -> Iterator[Estate]:
    """Two hosts that serve; a Celery worker on each, and one beat, are to run the jobs."""
    with contextlib.ExitStack() as stack:
        ways = stack.enter_context(lines(behind, "hosts"))
        line = stack.enter_context(contextlib.closing(before(broker.url)))
        variables = ways.variables | VARIABLES | {"REDIS_URL": through(broker.url, line)}
        variables["SUPERUSER_PWD"] = secrets.token_urlsafe(12)
        hosts = [on(ways, behind, folder / name, variables) for name in ("one", "two")]
        settle(hosts[0])
        for host in hosts:
            host.token, host.curator = hosts[0].token, hosts[0].curator
            stack.enter_context(serving(host))
        estate = _estate(hosts, (CELERY, BEAT), folder)
        estate.broker, estate.line = broker, line
        yield estate


def _estate(hosts: list[House], words: tuple[tuple[str, ...], ...], folder: Path) -> Estate:
    orders = folder / "orders of jobs"
    orders.mkdir()
    chosen = [(host, each) for host in hosts for each in words if each != BEAT or host is hosts[0]]
    return Estate(hosts, [Runner(host, each, {"KILL_ORDERS": str(orders)}) for host, each in chosen], orders=orders)


@contextlib.contextmanager
def two_runners(estate: Estate) -> Iterator[None]:
    """Somebody else is there to run jobs when one hangs."""
    more = [] if len(estate.hosts) > 1 else [replace(estate.runners[0], process=None)]
    for runner in more:
        runner.start()
    try:
        yield
    finally:
        for runner in more:
            runner.end()


@contextlib.contextmanager
def without_broker(estate: Estate) -> Iterator[Estate]:
    """The same hosts, started again without Redis, and with a run_worker each."""
    for runner in estate.runners:
        runner.end()
    hosts = [replace(host, environment=_without_redis(host)) for host in estate.hosts]
    runners = [Runner(host, PLAIN, {"KILL_ORDERS": str(estate.orders)}) for host in hosts]
    alone = Estate(hosts, runners, orders=estate.orders)
    for host in estate.hosts:
        host.stop()
    try:
        with contextlib.ExitStack() as stack:
            for host in hosts:
                stack.enter_context(serving(host))
            stack.enter_context(alone.running())
            yield alone
    finally:
        for host in estate.hosts:
            host.start()
        for runner in estate.runners:
            runner.start()


def _without_redis(host: House) -> dict[str, str]:
    return {name: value for name, value in host.environment.items() if name != "REDIS_URL"} | {"JOBS_IN_REQUEST": "0"}
