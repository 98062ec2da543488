from curation.tests.faults.killing import point
from pyrostorage_site.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def _commit(self) -> None:
        point("P6")
        super()._commit()  # type: ignore[misc]
        point("P7")
