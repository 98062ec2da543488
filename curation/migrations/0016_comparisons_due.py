"""The fingerprints that there are already are due to be compared. One statement each way; nobody waits for the table."""

from django.db import migrations

TABLE = "curation_comparisondue"
FILL = f"""
INSERT INTO {TABLE} (media_id, is_global)
SELECT media_id, everywhere FROM curation_fingerprint
CROSS JOIN (SELECT TRUE AS everywhere UNION ALL SELECT FALSE) AS reaches
"""  # noqa: S608


class Migration(migrations.Migration):
    dependencies = [("curation", "0015_clusters")]
    operations = [migrations.RunSQL(FILL, f"DELETE FROM {TABLE}")]  # noqa: S608
