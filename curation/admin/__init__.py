"""The curators' workbench."""

from curation.admin.annotations import AnnotationAdmin, AnnotationRevisionAdmin
from curation.admin.media import MediaAdmin
from curation.admin.objects import StoredObjectAdmin

__all__ = ["AnnotationAdmin", "AnnotationRevisionAdmin", "MediaAdmin", "StoredObjectAdmin"]
