"""`celery -A curation.tests.jobs.celery_quick worker`: the real application, with quick times and the tests' kinds."""

from __future__ import annotations

import os

from curation.tests.jobs.quick import set_up

set_up(os.environ["TEST_DATABASE"])

from curation.jobs import watch  # noqa: E402
from curation.jobs.tasks import run_job  # noqa: E402
from pyrostorage_site.celery import app  # noqa: E402

watch.EVERY = 2.0
run_job.time_limit = 4  # seconds; the service's own is that of its longest kind

__all__ = ["app"]
