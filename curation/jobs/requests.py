"""Where there is no broker, a request runs its own short jobs once its answer has been sent."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse

from curation.actions import leases, queue
from curation.jobs.attempt import run_in_thread
from curation.jobs.handlers import HANDLERS

log = logging.getLogger(__name__)


class RunsItsJobs:
    """Middleware. What does not fit into JOBS_IN_REQUEST seconds, or fails, is left to run_worker."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.REDIS_URL or not settings.JOBS_IN_REQUEST:
            return self._get_response(request)
        with queue.noting() as noted:
            response = self._get_response(request)
        if noted:
            after: Any = response  # what Django calls when it closes an answer, and does not document
            after._resource_closers.append(partial(run_noted, noted))
        return response


def run_noted(noted: queue.Noted) -> None:
    """Run the short ones among these jobs, one after the other, while there is time to begin another."""
    deadline = time.monotonic() + settings.JOBS_IN_REQUEST
    for kind, key in noted:
        if kind in HANDLERS and HANDLERS[kind].short and time.monotonic() < deadline:
            _run_one(kind, key)


def _run_one(kind: str, key: str) -> None:
    """A first try only: a job that has ended a process must not end one that serves again."""
    try:
        if job := leases.claim([kind], first_try_of=(kind, key)):
            run_in_thread(job, HANDLERS[kind])
    except Error as error:
        log.warning("The database does not answer; a job is left to a worker.", exc_info=error)
