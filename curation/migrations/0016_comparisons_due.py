"""The fingerprints that there are already are due to be compared; STEP of them with each statement."""

from typing import Any

from django.db import migrations

STEP = 50_000
FILL = """
INSERT INTO curation_comparisondue (media_id, is_global)
SELECT media_id, everywhere FROM curation_fingerprint
CROSS JOIN (SELECT TRUE AS everywhere UNION ALL SELECT FALSE) AS reaches
WHERE media_id > %s AND media_id <= %s
ON CONFLICT DO NOTHING
"""


def fill(apps: Any, schema_editor: Any) -> None:
    rows = apps.get_model("curation", "Fingerprint").objects.order_by("pk").values_list("pk", flat=True)
    done = 0
    while rows.filter(pk__gt=done).exists():
        upto = rows.filter(pk__gt=done)[STEP - 1 : STEP].first() or rows.last()
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(FILL, [done, upto])
        done = upto


def empty(apps: Any, schema_editor: Any) -> None:
    """The table goes with the migration before this one."""


class Migration(migrations.Migration):
    dependencies = [("curation", "0015_clusters")]
    operations = [migrations.RunPython(fill, empty)]
