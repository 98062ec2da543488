"""Routes of curation, mounted at / and at /api/v1/."""

from typing import Any

from accounts.rest.routes import both
from curation.api.annotation_exports import ExportViewSet
from curation.api.annotation_imports import AnnotationImportsView
from curation.api.annotations import AnnotationViewSet, EntriesView
from curation.api.cameras import CameraViewSet, ViewViewSet
from curation.api.clusters import ClusterViewSet
from curation.api.collections import CollectionViewSet
from curation.api.imports import ImportViewSet
from curation.api.jobs import JobViewSet
from curation.api.media import MediaViewSet
from curation.api.regions import LayerViewSet, MediaRegionsView
from curation.api.sequences import SequenceViewSet
from curation.api.taxonomy import LabelsView, MappingViewSet, TaxonomyView
from curation.api.uploads import UploadViewSet

_media_item: Any = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
_annotation_item: Any = {"get": "retrieve", "put": "update", "delete": "destroy"}
_described: Any = {"get": "retrieve", "patch": "partial_update"}
_decided: Any = {"post": "decide", "delete": "undo"}
_collection_item: Any = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
_collected: Any = {"get": "media", "post": "change_media"}
_merged: Any = {"post": "merge", "delete": "undo"}

# Routes are tried from the top: what devices call for each picture comes first.
urlpatterns = [
    *both("entries", EntriesView.as_view(), "entries"),
    *both("media", MediaViewSet.as_view({"get": "list", "post": "create"}), "media-list"),
    *both("media/<str:media_id>", MediaViewSet.as_view(_media_item), "media"),
    *both("media/<str:media_id>/upload", MediaViewSet.as_view({"post": "upload"}), "media-upload"),
    *both("media/<str:media_id>/url", MediaViewSet.as_view({"get": "url"}), "media-url"),
    *both("media/<str:media_id>/thumbnail", MediaViewSet.as_view({"get": "thumbnail"}), "media-thumbnail"),
    *both("media/<str:media_id>/regions", MediaRegionsView.as_view(), "media-regions"),
    *both("annotations", AnnotationViewSet.as_view({"get": "list", "post": "create"}), "annotation-list"),
    *both("annotations/<str:annotation_id>", AnnotationViewSet.as_view(_annotation_item), "annotation"),
    *both("annotations/<str:annotation_id>/upload", AnnotationViewSet.as_view({"post": "upload"}), "annotation-upload"),
    *both("annotations/<str:annotation_id>/url", AnnotationViewSet.as_view({"get": "url"}), "annotation-url"),
    *both("annotations/<str:annotation_id>/export", ExportViewSet.as_view({"get": "export"}), "annotation-export"),
    *both("annotations/<str:annotation_id>/regions", LayerViewSet.as_view({"get": "regions"}), "annotation-regions"),
    *both("annotations/<str:annotation_id>/revisions", LayerViewSet.as_view({"get": "revisions"}), "revisions"),
    *both("annotations/<str:annotation_id>/diff", LayerViewSet.as_view({"get": "diff"}), "annotation-diff"),
    *both("annotations/<str:annotation_id>/accept", LayerViewSet.as_view({"post": "accept"}), "annotation-accept"),
    *both("annotations/<str:annotation_id>/restore", LayerViewSet.as_view({"post": "restore"}), "annotation-restore"),
    *both("uploads", UploadViewSet.as_view({"post": "create"}), "upload-list"),
    *both("uploads/batch", UploadViewSet.as_view({"post": "create_many"}), "upload-batch"),
    *both("uploads/batch/complete", UploadViewSet.as_view({"post": "complete_many"}), "upload-batch-complete"),
    *both("uploads/<str:upload_id>", UploadViewSet.as_view({"get": "retrieve", "delete": "destroy"}), "upload"),
    *both("uploads/<str:upload_id>/complete", UploadViewSet.as_view({"post": "complete"}), "upload-complete"),
    *both("jobs/<str:job_id>", JobViewSet.as_view({"get": "retrieve"}), "job"),
    *both("imports", ImportViewSet.as_view({"post": "create"}), "imports"),
    *both("imports/<str:import_id>", ImportViewSet.as_view({"get": "retrieve"}), "import"),
    *both("imports/<str:import_id>/items", ImportViewSet.as_view({"get": "items"}), "import-items"),
    *both("imports/<str:import_id>/report.csv", ImportViewSet.as_view({"get": "report"}), "import-report"),
    *both("annotation-imports", AnnotationImportsView.as_view(), "annotation-imports"),
    *both("labels", LabelsView.as_view(), "labels"),
    *both("taxonomy", TaxonomyView.as_view(), "taxonomy"),
    *both("mappings", MappingViewSet.as_view({"get": "list", "post": "create"}), "mappings"),
    *both("cameras", CameraViewSet.as_view({"get": "list"}), "cameras"),
    *both("cameras/<str:camera_id>", CameraViewSet.as_view(_described), "camera"),
    *both("views", ViewViewSet.as_view({"get": "list"}), "views"),
    *both("views/<str:view_id>", ViewViewSet.as_view(_described), "view"),
    *both("views/<str:view_id>/merge", ViewViewSet.as_view(_merged), "view-merge"),
    *both("sequences", SequenceViewSet.as_view({"get": "list"}), "sequences"),
    *both("sequences/<str:sequence_id>", SequenceViewSet.as_view(_described), "sequence"),
    *both("sequences/<str:sequence_id>/media", SequenceViewSet.as_view({"get": "media"}), "sequence-media"),
    *both("sequences/<str:sequence_id>/merge", SequenceViewSet.as_view(_merged), "sequence-merge"),
    *both("sequences/<str:sequence_id>/accept", SequenceViewSet.as_view({"post": "accept"}), "sequence-accept"),
    *both("sequences/<str:sequence_id>/split", SequenceViewSet.as_view({"post": "split"}), "sequence-split"),
    *both("clusters", ClusterViewSet.as_view({"get": "list"}), "clusters"),
    *both("clusters/<str:cluster_id>", ClusterViewSet.as_view({"get": "retrieve"}), "cluster"),
    *both("clusters/<str:cluster_id>/items", ClusterViewSet.as_view({"get": "items"}), "cluster-items"),
    *both("clusters/<str:cluster_id>/decision", ClusterViewSet.as_view(_decided), "cluster-decision"),
    *both("collections", CollectionViewSet.as_view({"get": "list", "post": "create"}), "collections"),
    *both("collections/<str:collection_id>", CollectionViewSet.as_view(_collection_item), "collection"),
    *both("collections/<str:collection_id>/media", CollectionViewSet.as_view(_collected), "collection-media"),
    *both("collections/<str:collection_id>/freeze", CollectionViewSet.as_view({"post": "freeze"}), "collection-freeze"),
]
