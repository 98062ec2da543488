"""Imports that give annotations a meaning: columns with defaults, which are instant; one check is read anew."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("curation", "0013_media_by_view")]

    operations = [
        migrations.CreateModel(
            name="AnnotationImport",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("curation.importrun",),
        ),
        migrations.RemoveConstraint(
            model_name="importitem",
            name="import_verdict_is_known",
        ),
        migrations.RemoveIndex(
            model_name="importrun",
            name="imports_by_state",
        ),
        migrations.AddField(
            model_name="importitem",
            name="problems",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importitem",
            name="regions_dropped",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importitem",
            name="regions_kept",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importitem",
            name="regions_refused",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importitem",
            name="told",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="importrun",
            name="changed",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importrun",
            name="kind",
            field=models.CharField(
                choices=[("pictures", "Pictures"), ("annotations", "Annotations")], default="pictures", max_length=11
            ),
        ),
        migrations.AddField(
            model_name="importrun",
            name="mapping",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="importrun",
            name="not_found",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importrun",
            name="problems",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importrun",
            name="regions_dropped",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importrun",
            name="regions_kept",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importrun",
            name="regions_refused",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="importitem",
            name="verdict",
            field=models.CharField(
                choices=[
                    ("created", "Created"),
                    ("changed", "Changed"),
                    ("unchanged", "Unchanged"),
                    ("refused", "Refused"),
                    ("skipped", "Skipped"),
                    ("not_found", "not found"),
                ],
                max_length=9,
            ),
        ),
        migrations.AddIndex(
            model_name="importrun",
            index=models.Index(fields=["kind", "id"], name="imports_by_kind"),
        ),
        migrations.AddIndex(
            model_name="importrun",
            index=models.Index(fields=["kind", "state", "id"], name="imports_by_state"),
        ),
        migrations.AddConstraint(
            model_name="importitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("verdict__in", ["created", "changed", "unchanged", "refused", "skipped", "not_found"])
                ),
                name="import_verdict_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="importrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "pictures"), ("mapping__isnull", True)),
                    models.Q(("kind", "annotations"), ("mapping__isnull", False)),
                    _connector="OR",
                ),
                name="an_import_of_annotations_has_a_mapping",
            ),
        ),
    ]
