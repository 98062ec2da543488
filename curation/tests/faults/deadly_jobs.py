"""Whoever runs jobs, with the settings of `deadly`: in a hurry, and dying on order.

J0 a job is taken, P5.n the n-th object of it is stored, J1 its lease is being renewed, J2 an import is about to say
how it ended, J3 the work is done, J4 its lease has ended and the broker has not heard of it. J0, J1, J3 and J4 are
ordered for a kind of job, as `J0.derive`: an import brings others along, which may be run at the same time.

    python -m curation.tests.faults.deadly_jobs               as manage.py run_worker
    celery -A curation.tests.faults.deadly_celery worker      as celery -A pyrostorage_site.celery worker
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import django

from curation.tests.faults.killing import point


def set_up() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "curation.tests.faults.deadly"
    django.setup()
    _hurry()
    _die_on_order()


def _hurry() -> None:
    """A kill costs what its lease costs: with those of the service, twenty of each would take a day."""
    from curation.actions import announce, leases, sweep
    from curation.jobs import attempt, watch, worker

    leases.LEASE = timedelta(seconds=1.5)
    leases.FIRST_PAUSE = float(os.environ.get("FIRST_PAUSE", "0.2"))
    attempt.HEARTBEAT, attempt.PROGRESS_EVERY = 0.3, 0.3
    sweep.EVERY, sweep.LOST_AFTER = 0.5, timedelta(seconds=3)
    announce.SILENCE = 1.0
    watch.EVERY = 2.0
    vars(worker).update(EVERY=0.3, POLL=0.1, PAUSES=(0.05, 0.5))


def _die_on_order() -> None:
    from curation.actions import imports, leases
    from curation.jobs.handlers import HANDLERS

    for kind, handler in HANDLERS.items():
        HANDLERS[kind] = replace(handler, action=_mortal(kind, handler.action))
    renew, finish, end = leases.renew, leases.finish, imports.end

    def renew_or_die(job: Any, **progress: Any) -> bool:
        point(f"J1.{job.kind}")
        return renew(job, **progress)

    def finish_and_die(job: Any, **progress: Any) -> bool:
        finished = finish(job, **progress)
        point(f"J4.{job.kind}")
        return finished

    def end_or_die(*args: Any, **columns: Any) -> None:
        point("J2")
        end(*args, **columns)

    leases.renew, leases.finish, imports.end = renew_or_die, finish_and_die, end_or_die


def _mortal(kind: str, action: Callable[[Any], None]) -> Callable[[Any], None]:
    from curation.tests.faults.deadly_parts import DeadlyStore

    def act(work: Any) -> None:
        DeadlyStore.stored = itertools.count(1)
        point(f"J0.{kind}")
        action(work)
        point(f"J3.{kind}")

    return act


def main() -> None:
    set_up()
    from curation.jobs.handlers import HANDLERS
    from curation.jobs.worker import Supervisor

    sys.exit(Supervisor(HANDLERS).run())


if __name__ == "__main__":
    main()
