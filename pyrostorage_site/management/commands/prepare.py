from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connection

from accounts.actions.first_admin import ensure_first_admin
from accounts.refusals import Refusal
from curation.actions import installation
from curation.storage.errors import BucketIsPublic, StoreError
from curation.storage.stores import object_store

LOCK = 7_067_072_111  # any number, the same on every host
TRIED_EVERY = 0.2  # seconds


class Command(BaseCommand):
    help = (
        "Make this installation ready to serve: migrations, static files, the store, the first admin. Safe to repeat."
    )

    def handle(self, **options: Any) -> None:
        try:
            with _alone():
                call_command("migrate", interactive=False, verbosity=0)
                self._greet_first_admin()
                call_command("collectstatic", interactive=False, verbosity=0)  # two would take files from each other
            object_store().prepare()
            installation.remember()
        except Refusal as error:
            raise CommandError(str(error)) from error
        except BucketIsPublic as error:
            raise CommandError(
                f"{error} Take the rights of anonymous callers away, or set ALLOW_PUBLIC_BUCKET=1 if that is meant."
            ) from error
        except StoreError as error:
            raise CommandError(f"{error} Check S3_ENDPOINT_URL, the keys and BUCKET_NAME.") from error
        except Error as error:
            raise CommandError(f"The database cannot be used: {_first_line(error)}") from error
        except OSError as error:
            raise CommandError(f"DATA_DIR cannot be written: {error.strerror}.") from error

    def _greet_first_admin(self) -> None:
        first = ensure_first_admin()
        if first is None:
            return
        if not first.generated:
            sys.stdout.write(f"First admin: {first.access.login}, with the password of SUPERUSER_PWD.\n")
            return
        sys.stdout.write(f"First admin: {first.access.login}\nPassword:    {first.generated}   (shown this once)\n")


@contextmanager
def _alone() -> Iterator[None]:
    """One host at a time on a shared database; SQLite's callers hold a file lock (`make run`)."""
    if connection.vendor != "postgresql":
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0; SET statement_timeout = 0")
        _take(cursor)
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _take(cursor: Any) -> None:
    """Ask again and again: a statement that waits holds up indexes built in place, which wait for every statement."""
    while True:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if cursor.fetchone()[0]:
            return
        time.sleep(TRIED_EVERY)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
