"""Celery carries the ids of jobs between hosts: `celery -A pyrostorage_site.celery worker` and `... beat`."""

from __future__ import annotations

import os

import django
from celery import Celery
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pyrostorage_site.settings")
django.setup()

from curation.actions.announce import QUEUE, broker_url  # noqa: E402
from curation.actions.sweep import EVERY  # noqa: E402
from curation.jobs.watch import Watch  # noqa: E402

if not settings.REDIS_URL:
    raise ImproperlyConfigured("Celery needs REDIS_URL; without it, `manage.py run_worker` runs the jobs.")

app = Celery("pyrostorage_site", broker=broker_url(), include=["curation.jobs.tasks"])
app.steps["worker"].add(Watch)
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    task_default_queue=QUEUE,
    task_ignore_result=True,
    # A message is taken off the queue when its job has ended; a worker that ends before gives it back.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_soft_shutdown_timeout=20,  # seconds that running jobs have when the worker is told to end
    worker_hijack_root_logger=False,  # log lines are ours, as everywhere
    worker_enable_remote_control=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,  # the lease in the row decides, not the connection
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # a worker waits for its broker
    # Longer jobs may be delivered twice, which does no harm.
    broker_transport_options={"visibility_timeout": 3600, "socket_connect_timeout": 5, "socket_keepalive": True},
    beat_schedule={"sweep": {"task": "sweep_jobs", "schedule": EVERY, "options": {"expires": EVERY}}},
)
