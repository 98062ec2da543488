"""The workbench's pages about who is asking and what was changed."""

from django.contrib import admin
from django.contrib.auth.models import Group

from accounts.admin.accesses import AccessAdmin
from accounts.admin.audit import AuditEntryAdmin
from accounts.admin.organisations import OrganisationAdmin
from accounts.admin.tokens import ApiTokenAdmin

admin.site.unregister(Group)  # scopes alone say who may do what

__all__ = ["AccessAdmin", "ApiTokenAdmin", "AuditEntryAdmin", "OrganisationAdmin"]
