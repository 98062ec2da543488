"""`celery -A curation.tests.faults.deadly_celery worker`: the service's application, in a hurry and dying on order."""

from curation.tests.faults.deadly_jobs import set_up

set_up()

from pyrostorage_site.celery import app  # noqa: E402

__all__ = ["app"]
