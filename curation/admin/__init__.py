"""The curators' workbench."""

from curation.admin.annotation_imports import AnnotationImportAdmin
from curation.admin.annotations import AnnotationAdmin, AnnotationRevisionAdmin
from curation.admin.clusters import ClusterAdmin
from curation.admin.collections import CollectionAdmin
from curation.admin.direct_uploads import UploadAdmin
from curation.admin.imports import ImportRunAdmin
from curation.admin.jobs import JobAdmin
from curation.admin.media import MediaAdmin
from curation.admin.objects import StoredObjectAdmin
from curation.admin.places import CameraAdmin, SequenceAdmin, ViewAdmin
from curation.admin.taxonomy import LabelAdmin, MappingAdmin, TaxonomyVersionAdmin

__all__ = [
    "AnnotationAdmin",
    "AnnotationImportAdmin",
    "AnnotationRevisionAdmin",
    "CameraAdmin",
    "ClusterAdmin",
    "CollectionAdmin",
    "ImportRunAdmin",
    "JobAdmin",
    "LabelAdmin",
    "MappingAdmin",
    "MediaAdmin",
    "SequenceAdmin",
    "StoredObjectAdmin",
    "TaxonomyVersionAdmin",
    "UploadAdmin",
    "ViewAdmin",
]
