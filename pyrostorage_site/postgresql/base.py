from __future__ import annotations

import select
import time
from typing import Any

from django.db.backends.postgresql import base
from django.utils.functional import cached_property

from pyrostorage_site.postgresql.patience import Call, is_suspect


class DatabaseWrapper(base.DatabaseWrapper):
    """A kept connection is checked without asking the server, remembers which statements it has prepared, and has
    limits of time on this side."""

    @cached_property
    def wrap_database_errors(self) -> Call:
        return Call(self)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self.prepared: set[str] = set()  # read and filled by accounts.prepared
        self.made = time.monotonic()
        return super().get_new_connection(conn_params)

    def is_usable(self) -> bool:
        """Before the first statement of a request, and after errors.

        A server that ended the connection has said so: an idle socket with nothing to read is as good as it was.
        Whatever there is to read, or went wrong, the server itself is asked (`SELECT 1`). A line that went dead
        says nothing: when one was found dead, those made before it are not trusted either.
        """
        if is_suspect(self.made):
            return False
        if self.connection is not None and not self.errors_occurred and self._is_silent():
            return True
        return super().is_usable()

    def _is_silent(self) -> bool:
        waiting = select.poll()
        try:
            waiting.register(self.connection.fileno(), select.POLLIN)
        except self.Database.Error:  # closed on our side
            return False
        return not waiting.poll(0)
