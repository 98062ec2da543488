"""Who is asking, with which secret, and what was changed."""

from accounts.models.access import Access
from accounts.models.audit import AppendOnly, AuditEntry
from accounts.models.organisation import Organisation
from accounts.models.token import ApiToken

__all__ = ["Access", "ApiToken", "AppendOnly", "AuditEntry", "Organisation"]
