"""The WSGI application that gunicorn serves."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pyrostorage_site.settings")

application = get_wsgi_application()

from curation.actions import announce  # noqa: E402  # models are loaded by now

announce.get_ready()
if settings.DATABASE_URL:
    from pyrostorage_site.postgresql import patience

    patience.watch()
