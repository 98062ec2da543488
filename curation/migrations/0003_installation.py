"""What was found in each store, and the ledger in byte order: PostgreSQL sorts text by language unless it has this index."""

from typing import Any

import django.utils.timezone
from django.db import migrations, models

CREATE = 'CREATE INDEX object_by_bytes ON curation_storedobject (key COLLATE "C")'


def create(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(CREATE)


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS object_by_bytes")


class Migration(migrations.Migration):
    dependencies = [("curation", "0002_history_is_append_only")]
    operations = [
        migrations.CreateModel(
            name="Installation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("store", models.CharField(max_length=500, unique=True)),
                ("found_empty", models.BooleanField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
        ),
        migrations.RunPython(create, drop),
    ]
