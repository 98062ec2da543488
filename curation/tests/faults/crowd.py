"""Several clients at once, and what each was told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import requests

from curation.tests.faults.house import House

CUT = 0  # stands for the status of an answer that did not come, or not in time


@dataclass
class Told:
    """What one deed was answered, and after how many seconds."""

    status: int
    seconds: float
    retry_after: str = ""
    text: str = ""


@dataclass
class Crowd:
    """Deeds in threads of their own."""

    told: list[Told] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def send(self, deed: Callable[[], requests.Response]) -> None:
        thread = threading.Thread(target=lambda: self.told.append(tell(deed)))
        self._threads.append(thread)
        thread.start()

    def wait(self) -> list[Told]:
        for thread in self._threads:
            thread.join(120)
        return self.told


def tell(deed: Callable[[], requests.Response]) -> Told:
    started = time.monotonic()
    try:
        answer = deed()
    except (requests.ConnectionError, requests.Timeout):
        return Told(CUT, time.monotonic() - started)
    return Told(
        answer.status_code, time.monotonic() - started, answer.headers.get("Retry-After", ""), answer.text[:300]
    )


def listing(house: House) -> requests.Response:
    return house.ask("GET", "/api/v1/media?limit=1")


def health(house: House) -> requests.Response:
    return house.ask("GET", "/healthz")


def is_ready(house: House) -> bool:
    return house.ask("GET", "/readyz").status_code == 200


def seconds_until(so: Callable[[], bool], most: float = 30) -> float:
    started = time.monotonic()
    while not so():
        assert time.monotonic() - started < most, f"not within {most} s"
        time.sleep(0.1)
    return time.monotonic() - started
