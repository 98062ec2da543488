from django.apps import AppConfig
from django.contrib.admin import apps


class Site(AppConfig):
    """The wiring: settings, checks, probes, pages that belong to no room."""

    name = "pyrostorage_site"

    def ready(self) -> None:
        from pyrostorage_site import checks  # noqa: F401  # registers them


class Workbench(apps.AdminConfig):
    """Django's admin with our site object in the place of its own."""

    default_site = "pyrostorage_site.workbench.WorkbenchSite"
    default = False
