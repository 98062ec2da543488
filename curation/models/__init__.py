"""What is kept and decided."""

from curation.models.adoption import AdoptionFinding
from curation.models.annotation import Annotation, AnnotationRevision, Origin, origin_of_upload_by
from curation.models.idempotency import IdempotencyKey
from curation.models.installation import Installation
from curation.models.media import Media
from curation.models.storedobject import StoredObject

# Every column that refers to an object. The collector and check_storage go by this list; a test fails when
# an ObjectField is missing from it.
REFERENCES = (
    (Media, "file"),
    (Annotation, "file"),
    (AnnotationRevision, "file"),
)

__all__ = [
    "REFERENCES",
    "AdoptionFinding",
    "Annotation",
    "AnnotationRevision",
    "IdempotencyKey",
    "Installation",
    "Media",
    "Origin",
    "StoredObject",
    "origin_of_upload_by",
]
