"""Each filter of media finds its rows by an index; those of regions find media in the order of their lists."""

from django.db import migrations, models

from accounts.indexing import AddIndexInPlace


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds no index beside other work within a transaction
    dependencies = [("curation", "0017_search")]
    operations = [
        AddIndexInPlace("media", models.Index(fields=["view", "captured_at", "id"], name="media_by_view_and_capture")),
        AddIndexInPlace("media", models.Index(fields=["taken_by", "id"], name="media_taken_by")),
        AddIndexInPlace("media", models.Index(fields=["light", "id"], name="media_by_light")),
        AddIndexInPlace(
            "media",
            models.Index(fields=["sha256", "id"], name="media_without_file", condition=models.Q(sha256="")),
        ),
        AddIndexInPlace("media", models.Index(fields=["size", "id"], name="media_by_size")),
        AddIndexInPlace("annotation", models.Index(fields=["state", "media"], name="annotation_by_state_of_media")),
        AddIndexInPlace("region", models.Index(fields=["label", "media", "score"], name="region_by_label_in_order")),
        AddIndexInPlace("region", models.Index(fields=["origin", "media", "score"], name="region_by_origin")),
        AddIndexInPlace("region", models.Index(fields=["is_truth", "media"], name="region_by_truth")),
        AddIndexInPlace(
            "region",
            models.Index(fields=["score", "media"], name="region_by_score", condition=models.Q(score__isnull=False)),
        ),
    ]
