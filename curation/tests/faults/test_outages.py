"""C46, C1: the broker, or the store, is away for a while, and clients go on; afterwards everything follows by itself.

5 seconds in `make test`, a minute in `make faults`.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import requests

from curation.tests.faults import deeds
from curation.tests.faults.crowd import Told, seconds_until, tell
from curation.tests.faults.deeds import ALL_DERIVED, fresh
from curation.tests.faults.estate import Estate
from curation.tests.faults.house import House
from curation.tests.faults.outcomes import clean

pytestmark = pytest.mark.timeout(900)
SECONDS = 5 if os.environ.get("FAULT_ROUNDS", "1") == "1" else 60
PATIENCE = 4.0  # seconds for one answer: whoever waited for what is away would take longer
PAUSE = 0.2  # seconds between two deeds of a client
FOLLOWS_WITHIN = 60 + 2 * SECONDS


@pytest.fixture(scope="module", autouse=True)
def _clean_afterwards(two_hosts: Estate) -> Iterator[None]:
    yield
    two_hosts.until(two_hosts.is_idle)
    clean(*two_hosts.hosts)


@dataclass
class Clients:
    """On each host one that uploads, one that reads, one that lists, one that logs in; and what each was told."""

    estate: Estate
    kept: int  # a media that is there all the time
    told: dict[str, list[Told]] = field(default_factory=dict)
    uploaded: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)

    @contextmanager
    def busy(self) -> Iterator[None]:
        over = threading.Event()
        deeds_of = {"upload": self._upload, "link": self._link, "list": self._list, "log in": self._log_in}
        pairs = list(itertools.product(self.estate.hosts, deeds_of.items()))
        threads = [threading.Thread(target=self._go_on, args=(host, *deed, over)) for host, deed in pairs]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join(120)

    def _go_on(self, host: House, name: str, deed: Callable[[House], Told], over: threading.Event) -> None:
        while not over.is_set():
            self.told.setdefault(name, []).append(deed(host))
            over.wait(PAUSE)

    def _upload(self, host: House) -> Told:
        media = host.announce()
        told = tell(lambda: host.upload(media, fresh()))
        (self.uploaded if told.status == 200 else self.failed).append(media)
        return told

    def _link(self, host: House) -> Told:
        return tell(lambda: host.ask("GET", f"/api/v1/media/{self.kept}/url"))

    def _list(self, host: House) -> Told:
        return tell(lambda: host.ask("GET", "/api/v1/media?limit=5"))

    def _log_in(self, host: House) -> Told:
        return tell(lambda: log_in(host))

    def statuses(self, *names: str) -> set[int]:
        return {one.status for name in names for one in self.told[name]}

    def slowest(self, *names: str) -> float:
        return max(one.seconds for name in names for one in self.told[name])


def log_in(host: House) -> requests.Response:
    form = {"username": "root", "password": host.environment["SUPERUSER_PWD"]}
    return host.ask("POST", "/api/v1/login/access-token", data=form)


@pytest.fixture
def clients(two_hosts: Estate) -> Clients:
    kept = deeds.stored(two_hosts, fresh())
    two_hosts.until(two_hosts.is_idle)
    return Clients(two_hosts, kept)


def everything_follows(estate: Estate, uploaded: list[int]) -> None:
    """Nobody lends a hand: every job is done, every picture has its small ones."""
    estate.until(estate.is_idle, FOLLOWS_WITHIN)
    assert {state for _, _, state, _ in estate.jobs()} == {"done"}
    for media in uploaded:
        assert deeds.derived(estate, media) == ALL_DERIVED
    assert deeds.is_derived(estate, uploaded[-1])


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_while_redis_is_away_everything_is_accepted_and_its_jobs_follow(
    two_hosts: Estate, clients: Clients, how: str
) -> None:
    broker = two_hosts.broker
    assert broker is not None
    waiting: list[int] = []
    with clients.busy():
        time.sleep(1)
        broker.stop() if how == "killed" else broker.freeze()
        try:
            time.sleep(SECONDS)
            waiting = list(clients.uploaded)
        finally:
            broker.start() if how == "killed" else broker.thaw()

    assert clients.statuses("upload", "link", "list", "log in") == {200}
    assert clients.slowest("upload", "link", "list", "log in") < PATIENCE
    assert waiting
    everything_follows(two_hosts, clients.uploaded)


def test_while_the_store_is_away_uploads_are_told_to_come_back_and_all_else_goes_on(
    two_hosts: Estate, clients: Clients
) -> None:
    store = two_hosts.first.store
    assert store is not None
    with clients.busy():
        seconds_until(lambda: len(clients.uploaded) > 3)
        store.refuse()
        try:
            time.sleep(SECONDS)
        finally:
            store.accept()

    refused = [one for one in clients.told["upload"] if one.status != 200]
    assert refused
    assert {one.status for one in refused} == {503}
    assert all(0 < int(one.retry_after) <= 5 for one in refused)
    assert clients.statuses("link", "list", "log in") == {200}
    assert clients.slowest("link", "list", "log in") < PATIENCE
    for host in two_hosts.hosts:
        host.wait_until_healthy("/readyz")
    for media in clients.failed:
        seconds_until(lambda media=media: two_hosts.first.upload(media, fresh()).status_code == 200, 30)  # type: ignore[misc]
    everything_follows(two_hosts, clients.uploaded + clients.failed)
