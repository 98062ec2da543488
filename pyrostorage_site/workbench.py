from __future__ import annotations

from django.contrib import admin


class WorkbenchSite(admin.AdminSite):
    """Where curators work."""

    site_header = "pyro-storage"
    site_title = "pyro-storage"
    index_title = "Workbench"
    site_url = "/"
    enable_nav_sidebar = True
    empty_value_display = "–"
    final_catch_all_view = False
