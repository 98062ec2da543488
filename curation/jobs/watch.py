"""A Celery worker that lost its broker in a bad moment goes on without ever hearing of another job.

It looks alive. So a thread watches: where messages wait, and nothing was received and nothing runs for a while,
the process ends, and whoever started it (a container's restart policy, systemd) starts it anew.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import Any

from celery import bootsteps
from celery.worker import state
from django.conf import settings
from redis import Redis, RedisError

from curation.actions.announce import PATIENCE, QUEUE

log = logging.getLogger(__name__)

EVERY = 15.0  # seconds between two looks
LOOKS = 4  # in a row that show a deaf worker
END_WITHIN = 30.0  # seconds, then harder


class Watch(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Part of a worker, from its start to its end."""

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._over = threading.Event()

    def start(self, worker: Any) -> None:
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def stop(self, worker: Any) -> None:
        self._over.set()

    def _watch(self) -> None:
        deaf, received = 0, self._received()
        while deaf < LOOKS:
            if self._over.wait(EVERY):
                return
            before, received = received, self._received()
            deaf = deaf + 1 if received == before and self._has_nothing_to_do_while_jobs_wait() else 0
        log.critical("This worker hears of no job though some wait; it ends, to be started anew.")
        os.kill(os.getpid(), signal.SIGTERM)
        if not self._over.wait(END_WITHIN):
            logging.shutdown()
            os._exit(1)

    def _received(self) -> int:
        return sum(state.total_count.values())

    def _has_nothing_to_do_while_jobs_wait(self) -> bool:
        return not state.active_requests and self._wait()

    def _wait(self) -> bool:
        """Whether messages wait. By a connection for the moment: one kept open would be torn by the next fork."""
        try:
            with Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE) as broker:
                return bool(broker.llen(QUEUE))
        except RedisError:
            return False
