from django.db.backends.sqlite3 import base

from curation.tests.faults.killing import point


class DatabaseWrapper(base.DatabaseWrapper):
    def _commit(self) -> None:
        point("P6")
        super()._commit()  # type: ignore[misc]
        point("P7")
