"""Media of a view are found by an index."""

from django.db import migrations, models

from accounts.indexing import AddIndexInPlace


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds no index beside other work within a transaction
    dependencies = [("curation", "0012_cameras")]
    operations = [AddIndexInPlace("media", models.Index(fields=["view", "id"], name="media_by_view"))]
