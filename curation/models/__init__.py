"""What is kept and decided."""

from curation.models.adoption import AdoptionFinding
from curation.models.annotation import Annotation, AnnotationRevision, Origin, origin_of_upload_by
from curation.models.camera import Camera, CameraAlias, View, ViewAlias
from curation.models.cluster import Cluster, ClusterItem, ComparisonDue, DuplicateSearch, Likeness
from curation.models.collection import Collection, CollectionItem
from curation.models.derived import Derived, Fingerprint, MediaFact
from curation.models.idempotency import IdempotencyKey
from curation.models.imports import AnnotationImport, ImportItem, ImportRun
from curation.models.installation import Installation
from curation.models.job import Job, Worker
from curation.models.label import Label, Mapping, TaxonomyVersion
from curation.models.media import Media
from curation.models.region import Region
from curation.models.sequence import Sequence, SequenceItem
from curation.models.storagecheck import StorageCheck
from curation.models.storedobject import StoredObject
from curation.models.upload import Upload

# Every column that refers to an object. The collector and check_storage go by this list; a test fails when
# an ObjectField is missing from it.
REFERENCES = (
    (Media, "file"),
    (Annotation, "file"),
    (AnnotationRevision, "file"),
    (Derived, "file"),
    (ImportRun, "archive"),
)

__all__ = [
    "REFERENCES",
    "AdoptionFinding",
    "Annotation",
    "AnnotationImport",
    "AnnotationRevision",
    "Camera",
    "CameraAlias",
    "Cluster",
    "ClusterItem",
    "Collection",
    "CollectionItem",
    "ComparisonDue",
    "Derived",
    "DuplicateSearch",
    "Fingerprint",
    "IdempotencyKey",
    "ImportItem",
    "ImportRun",
    "Installation",
    "Job",
    "Label",
    "Likeness",
    "Mapping",
    "Media",
    "MediaFact",
    "Origin",
    "Region",
    "Sequence",
    "SequenceItem",
    "StorageCheck",
    "StoredObject",
    "TaxonomyVersion",
    "Upload",
    "View",
    "ViewAlias",
    "Worker",
    "origin_of_upload_by",
]
