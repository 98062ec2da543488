"""Is the process alive, and can it work? For load balancers, containers and `make run`."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection
from django.http import HttpRequest, JsonResponse

from curation.storage.stores import object_store
from pyrostorage_site.answers import reads_only

log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds that a dependency may take
FRESH = 2.0  # seconds that an answer holds, so that a thousand probes cost one look


@dataclass
class Dependency:
    """Looked at by one thread at a time, in the background; whoever asks waits PATIENCE at most."""

    name: str
    look: Callable[[], None]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _looking: threading.Thread | None = None
    _seen_at: float = float("-inf")
    _works: bool = False

    def works(self) -> bool:
        """Whether it answered within the last moments, or does now."""
        with self._lock:
            if time.monotonic() - self._seen_at < FRESH:
                return self._works
            if self._looking is None or not self._looking.is_alive():
                self._looking = threading.Thread(target=self._look, name=f"probe-{self.name}", daemon=True)
                self._looking.start()
            looking = self._looking
        looking.join(PATIENCE)
        return not looking.is_alive() and self._works

    def _look(self) -> None:
        try:
            self.look()
            works = True
        except Exception:  # whatever it is, the answer is no
            works = False
            log.warning("Not ready: %s does not answer.", self.name, exc_info=True)
        self._works, self._seen_at = works, time.monotonic()


def _look_at_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_migrations LIMIT 1")
    finally:
        connection.close()


def _look_at_store() -> None:
    object_store().ping(timeout=PATIENCE)


DEPENDENCIES = (Dependency("database", _look_at_database), Dependency("store", _look_at_store))


@reads_only
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Touches nothing else."""
    return JsonResponse({"status": "ok"})


@reads_only
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database and store answer, else 503. Says which, and nothing about them."""
    works = {dependency.name: dependency.works() for dependency in DEPENDENCIES}
    ready = all(works.values())
    headers = {} if ready else {"Retry-After": "5"}
    return JsonResponse({"ready": ready, **works}, status=200 if ready else 503, headers=headers)
