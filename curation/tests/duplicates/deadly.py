"""`python -m curation.tests.duplicates.deadly DATABASE COUNT`: a search that is killed at its COUNTth sign of life."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "pyrostorage_site.testsettings"
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = sys.argv[1]
    import django

    django.setup()
    from curation.actions.duplicates.searching import search
    from curation.tests.deeds import NOBODY
    from curation.tests.duplicates.small import in_small_steps

    left = int(sys.argv[2])

    def progress(_stage: str, _count: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    in_small_steps(setattr)
    search(is_global=True, by=NOBODY, progress=progress)


if __name__ == "__main__":
    main()
