"""Whoever runs jobs, with the settings of `deadly`: in a hurry, and dying on order.

J0 a job is taken, P5.n the n-th object of it is stored, J1 its lease is being renewed, J2 an import is about to say
how it ended, J3 the work is done, J4 its lease has ended and the broker has not heard of it.

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
        HANDLERS[kind] = replace(handler, action=_mortal(handler.action))
    leases.renew = before("J1", leases.renew)
    leases.finish = after("J4", leases.finish)
    imports._end = before("J2", imports._end)


def _mortal(action: Callable[[Any], None]) -> Callable[[Any], None]:
    from curation.tests.faults.deadly_parts import DeadlyStore

    def act(work: Any) -> None:
        DeadlyStore.stored = itertools.count(1)
        point("J0")
        action(work)
        point("J3")

    return act


def before(phase: str, act: Callable[..., Any]) -> Callable[..., Any]:
    def late(*args: Any, **named: Any) -> Any:
        point(phase)
        return act(*args, **named)

    return late


def after(phase: str, act: Callable[..., Any]) -> Callable[..., Any]:
    def early(*args: Any, **named: Any) -> Any:
        result = act(*args, **named)
        point(phase)
        return result

    return early


def main() -> None:
    set_up()
    from curation.jobs.handlers import HANDLERS
    from curation.jobs.worker import Supervisor

    sys.exit(Supervisor(HANDLERS).run())


if __name__ == "__main__":
    main()
