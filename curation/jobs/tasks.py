"""What Celery runs. A message carries an id; whether there is anything to do says the row."""

from __future__ import annotations

import os
import socket

from celery import shared_task

from curation.actions import leases
from curation.actions.announce import TASK
from curation.actions.sweep import sweep
from curation.jobs.attempt import run_in_process
from curation.jobs.handlers import HANDLERS
from curation.jobs.limits import GRACE

LONGEST = max((handler.seconds for handler in HANDLERS.values()), default=3600)


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


@shared_task(name=TASK, time_limit=LONGEST + GRACE)  # type: ignore[untyped-decorator]  # Celery has no types
def run_job(job_id: int) -> None:
    """Delivered twice, or late, or after a worker ended: only who gets the lease does anything."""
    if job := leases.claim(HANDLERS, job_id=job_id):
        run_in_process(job, HANDLERS[job.kind], worker_name())


@shared_task(name="sweep_jobs", time_limit=60)  # type: ignore[untyped-decorator]
def sweep_jobs() -> None:
    leases.alive(worker_name())
    sweep()
