"""Each filter and each search of a list finds its rows by an index."""

from django.db import migrations, models

from accounts.indexing import AddIndexInPlace


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds no index beside other work within a transaction
    dependencies = [("curation", "0005_ingest")]
    operations = [
        AddIndexInPlace("media", models.Index(fields=["type", "id"], name="media_by_type")),
        AddIndexInPlace("media", models.Index(fields=["camera", "id"], name="media_by_camera")),
        AddIndexInPlace("annotation", models.Index(fields=["state", "id"], name="annotation_by_state")),
        AddIndexInPlace("annotation", models.Index(fields=["origin", "id"], name="annotation_by_origin")),
        AddIndexInPlace("annotation", models.Index(fields=["format", "id"], name="annotation_by_format")),
        AddIndexInPlace("annotationrevision", models.Index(fields=["origin", "id"], name="revision_by_origin")),
        AddIndexInPlace("storedobject", models.Index(fields=["state", "id"], name="object_by_state")),
    ]
