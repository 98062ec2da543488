import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("curation", "0003_installation")]
    operations = [
        migrations.CreateModel(
            name="AdoptionFinding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("table", models.CharField(blank=True, max_length=20)),
                ("row_id", models.BigIntegerField(default=0)),
                ("code", models.CharField(max_length=30)),
                ("verdict", models.CharField(max_length=20)),
                ("key", models.CharField(blank=True, max_length=200)),
                ("sentence", models.CharField(max_length=500)),
                ("at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("table", "row_id", "code", "key"), name="adoption_findings_differ")
                ],
            },
        ),
    ]
