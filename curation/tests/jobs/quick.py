"""Times that a test can wait for, in a process of its own; and the kinds of the tests."""

from __future__ import annotations

import os
import sys
from datetime import timedelta


def set_up(database: str) -> None:
    """Django on the test's database, with every pause as short as may be."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "pyrostorage_site.testsettings"
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = database
    import django

    django.setup()
    _hurry()


def _hurry() -> None:
    from curation.actions import leases, sweep
    from curation.jobs import attempt, worker
    from curation.jobs.handlers import HANDLERS
    from curation.tests.jobs.kinds import KINDS

    leases.LEASE = timedelta(seconds=1.5)
    leases.FIRST_PAUSE, leases.FACTOR = 0.02, 1.0
    attempt.HEARTBEAT, attempt.PROGRESS_EVERY = 0.3, 0.05
    sweep.EVERY, sweep.LOST_AFTER = 0.5, timedelta(seconds=2)
    stop_within = int(os.environ.get("STOP_WITHIN", "20"))
    vars(worker).update(POLL=0.05, EVERY=0.1, GRACE=1, PAUSES=(0.05, 0.05), STOP_WITHIN=stop_within)
    HANDLERS.update(KINDS)


def main() -> None:
    """`python -m curation.tests.jobs.quick DATABASE [--once]`: run_worker, in a hurry."""
    set_up(sys.argv[1])
    from curation.jobs.handlers import HANDLERS
    from curation.jobs.worker import Supervisor

    sys.exit(Supervisor(HANDLERS, once="--once" in sys.argv).run())


if __name__ == "__main__":
    main()
