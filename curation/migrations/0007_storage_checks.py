"""When objects were read and compared, and what came of it. A new table: instant on any size, reversible."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("curation", "0006_list_indexes")]
    operations = [
        migrations.CreateModel(
            name="StorageCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("scrub", "Scrub"), ("full", "Full")], max_length=5)),
                ("since", models.DateTimeField(null=True)),
                ("began_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(null=True)),
                ("objects_read", models.PositiveBigIntegerField(default=0)),
                ("bytes_read", models.PositiveBigIntegerField(default=0)),
                ("problems", models.PositiveBigIntegerField(default=0)),
                ("stopped", models.CharField(blank=True, max_length=500)),
                ("bytes_kept", models.PositiveBigIntegerField(default=0)),
                ("bytes_verified", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["scrub", "full"])), name="storage_check_kind_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "scrub"), ("since", None)),
                            models.Q(("kind", "full"), ("since__isnull", False)),
                            _connector="OR",
                        ),
                        name="a_full_storage_check_has_a_since",
                    ),
                ],
            },
        ),
    ]
