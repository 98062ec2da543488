"""Tell the broker that jobs wait: quickly or not at all.

A message is a hint. The row is the truth, and the sweeper sends again what was not heard.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

from django.conf import settings

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

TASK, QUEUE = "run_job", "jobs"
PATIENCE = 0.25  # seconds for each step of talking to the broker, and for a free connection
ROOM = 10_000  # messages; more of them help no worker and fill the broker
LOOK_EVERY = 100  # messages
SILENCE = 30.0  # seconds without another try after a broker has failed
_SHORT = {
    "socket_timeout": PATIENCE,
    "socket_connect_timeout": PATIENCE,
    "retry_on_timeout": False,
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}


class Broker:
    """Sends ids by the name of the task. A broker that has failed is left alone for a while."""

    def __init__(self, url: str) -> None:
        from celery import Celery  # costs 0.3 s, so only where there is a broker
        from kombu.connection import Connection
        from kombu.pools import producers

        self._app = Celery("sender", broker=url, set_as_current=False)
        self._app.conf.task_default_queue = QUEUE
        self._producers: Any = producers[Connection(url, transport_options=_SHORT)]  # type: ignore[no-untyped-call]
        self._silent_until = 0.0
        self._unlooked = 0  # messages since the length of the queue was looked at
        self._is_full = False

    def send(self, job_ids: Sequence[int]) -> bool:
        """Whether the broker has all of them."""

        def send_all(producer: Any) -> bool:
            for job_id in job_ids:
                if not self._has_room(producer):
                    return False
                self._app.send_task(TASK, args=[job_id], producer=producer, retry=False, ignore_result=True)
            return True

        return bool(self._ask(send_all))

    def waiting(self) -> int | None:
        """How many messages nobody has fetched yet; None: it does not answer."""
        return self._ask(_length)

    def _has_room(self, producer: Any) -> bool:
        """Whether the queue was short enough when it was last looked at."""
        self._unlooked += 1
        if self._unlooked >= LOOK_EVERY:
            self._unlooked, self._is_full = 0, _length(producer) >= ROOM
        return not self._is_full

    def _ask(self, question: Callable[[Any], Answer]) -> Answer | None:
        """The answer, None where there is none within PATIENCE."""
        if time.monotonic() < self._silent_until:
            return None
        try:
            with self._producers.acquire(block=True, timeout=PATIENCE) as producer:
                return question(producer)
        except Exception as error:  # noqa: BLE001  # whatever the client library thinks of
            log.warning("The broker does not answer; jobs are sent later: %s", error)
            self._silent_until = time.monotonic() + SILENCE
            return None


def _length(producer: Any) -> int:
    return int(producer.channel.queue_declare(queue=QUEUE).message_count)


def broker_url() -> str:
    """REDIS_URL as Celery takes it: unasked, it would check no certificate."""
    url: str = settings.REDIS_URL
    if not url.startswith("rediss:") or "?" in url:
        return url
    return f"{url}?ssl_cert_reqs=required"


@cache
def _broker(url: str) -> Broker:
    return Broker(url)


def get_ready() -> None:
    """Load what sending needs, so that no request waits for that; asks nobody anything."""
    if settings.REDIS_URL:
        _broker(broker_url())


def announce(job_ids: Sequence[int]) -> bool:
    """Whether the broker has heard of all these jobs. Takes a fraction of a second at most."""
    return _broker(broker_url()).send(job_ids)


def unheard() -> int | None:
    """How many announcements no worker has fetched yet; None: the broker does not answer."""
    return _broker(broker_url()).waiting()
