"""Settings of the drawing: those of the tests, which touch nothing of an installation, and the app that draws."""

from pathlib import Path

from pyrostorage_site.testsettings import *  # noqa: F403
from pyrostorage_site.testsettings import INSTALLED_APPS, TEMPLATES

INSTALLED_APPS = [*INSTALLED_APPS, "django_extensions"]
TEMPLATES = [TEMPLATES[0] | {"DIRS": [Path(__file__).parent / "templates"]}]
