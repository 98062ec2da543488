import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import curation.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_history_is_append_only"),
        ("curation", "0004_adoption"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="MediaFact",
            fields=[
                (
                    "media",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="fact",
                        serialize=False,
                        to="curation.media",
                    ),
                ),
                ("media_sha256", models.CharField(max_length=64)),
                ("camera_model", models.CharField(blank=True, max_length=100)),
                ("fps", models.FloatField(null=True)),
                ("codec", models.CharField(blank=True, max_length=40)),
                ("frames", models.PositiveIntegerField(null=True)),
                ("latitude", models.FloatField(null=True)),
                ("longitude", models.FloatField(null=True)),
                ("problems", models.JSONField(default=list)),
                ("lacked_tools", models.BooleanField(default=False)),
                ("derived_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="Fingerprint",
            fields=[
                (
                    "media",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="fingerprint",
                        serialize=False,
                        to="curation.media",
                    ),
                ),
                ("media_sha256", models.CharField(max_length=64)),
                ("dhash64", models.BigIntegerField()),
                ("band0", models.PositiveIntegerField()),
                ("band1", models.PositiveIntegerField()),
                ("band2", models.PositiveIntegerField()),
                ("band3", models.PositiveIntegerField()),
                ("dhash256", models.BinaryField(max_length=32)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["band0", "media"], name="fingerprint_band0"),
                    models.Index(fields=["band1", "media"], name="fingerprint_band1"),
                    models.Index(fields=["band2", "media"], name="fingerprint_band2"),
                    models.Index(fields=["band3", "media"], name="fingerprint_band3"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ImportRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=1000)),
                (
                    "archive",
                    curation.models.fields.ObjectField(
                        blank=True,
                        db_index=True,
                        editable=False,
                        max_length=200,
                        storage=curation.models.fields.object_store,
                        upload_to=curation.models.fields.no_upload_to,
                    ),
                ),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("size", models.BigIntegerField(null=True)),
                ("options", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="running",
                        max_length=9,
                    ),
                ),
                ("error", models.CharField(blank=True, max_length=1000)),
                ("seen", models.PositiveIntegerField(default=0)),
                ("created", models.PositiveIntegerField(default=0)),
                ("unchanged", models.PositiveIntegerField(default=0)),
                ("refused", models.PositiveIntegerField(default=0)),
                ("skipped", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "organisation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organisation",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="imports",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ImportItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", models.CharField(max_length=1024)),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("size", models.BigIntegerField(null=True)),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("created", "Created"),
                            ("unchanged", "Unchanged"),
                            ("refused", "Refused"),
                            ("skipped", "Skipped"),
                        ],
                        max_length=9,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                (
                    "annotation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="curation.annotation",
                    ),
                ),
                (
                    "media",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="curation.media"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="curation.importrun",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=40)),
                ("key", models.CharField(db_index=True, max_length=200)),
                ("payload", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("dead", "Dead"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="waiting",
                        max_length=9,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("not_before", models.DateTimeField(default=django.utils.timezone.now)),
                ("sent_at", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("lease", models.CharField(blank=True, max_length=32)),
                ("done", models.PositiveBigIntegerField(default=0)),
                ("total", models.PositiveBigIntegerField(null=True)),
                ("error", models.CharField(blank=True, max_length=1000)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Worker",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, unique=True)),
                ("seen_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("makes_media", models.BooleanField()),
                ("type", models.CharField(choices=[("image", "Image"), ("video", "Video")], max_length=5)),
                ("name", models.CharField(blank=True, max_length=255)),
                ("size", models.BigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("described", models.JSONField(default=dict)),
                ("incoming_key", models.CharField(max_length=200, unique=True)),
                ("multipart_id", models.CharField(blank=True, max_length=500)),
                ("part_size", models.BigIntegerField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("completing", "Completing"),
                            ("done", "Done"),
                            ("refused", "Refused"),
                            ("expired", "Expired"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("error", models.CharField(blank=True, max_length=500)),
                ("expires_at", models.DateTimeField(db_index=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("finished_at", models.DateTimeField(null=True)),
                ("cleared_at", models.DateTimeField(null=True)),
                (
                    "media",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uploads",
                        to="curation.media",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uploads",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Derived",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("media_sha256", models.CharField(max_length=64)),
                ("kind", models.CharField(choices=[("small", "Small"), ("large", "Large")], max_length=5)),
                (
                    "file",
                    curation.models.fields.ObjectField(
                        blank=True,
                        db_index=True,
                        editable=False,
                        max_length=200,
                        storage=curation.models.fields.object_store,
                        upload_to=curation.models.fields.no_upload_to,
                    ),
                ),
                ("sha256", models.CharField(max_length=64)),
                ("size", models.BigIntegerField()),
                ("width", models.PositiveIntegerField()),
                ("height", models.PositiveIntegerField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "media",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="derived",
                        to="curation.media",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "derived",
                "constraints": [
                    models.UniqueConstraint(fields=("media", "kind"), name="one_derived_of_a_kind"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["small", "large"])), name="derived_kind_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("file", ""), _negated=True), name="a_derived_has_a_file"
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="importrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("archive", ""),
                    models.Q(models.Q(("sha256", ""), _negated=True), ("size__isnull", False)),
                    _connector="OR",
                ),
                name="an_archive_has_digest_and_size",
            ),
        ),
        migrations.AddConstraint(
            model_name="importrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["running", "done", "failed", "cancelled"])),
                name="import_state_is_known",
            ),
        ),
        migrations.AddIndex(
            model_name="importrun",
            index=models.Index(fields=["state", "id"], name="imports_by_state"),
        ),
        migrations.AddIndex(
            model_name="importitem",
            index=models.Index(fields=["run", "verdict", "id"], name="import_items_by_verdict"),
        ),
        migrations.AddConstraint(
            model_name="importitem",
            constraint=models.UniqueConstraint(fields=("run", "path"), name="one_verdict_per_path"),
        ),
        migrations.AddConstraint(
            model_name="importitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("verdict__in", ["created", "unchanged", "refused", "skipped"])),
                name="import_verdict_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="importitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("verdict", "refused"), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="a_refusal_has_a_reason",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("state", "waiting")), fields=["not_before", "id"], name="jobs_waiting"
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(condition=models.Q(("state", "running")), fields=["lease_until"], name="jobs_running"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["state", "id"], name="jobs_by_state"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["kind", "id"], name="jobs_by_kind"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["finished_at"], name="jobs_by_end"),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["waiting", "running"])),
                fields=("kind", "key"),
                name="one_open_job_per_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["waiting", "running", "done", "failed", "dead", "cancelled"])),
                name="job_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("lease_until__isnull", False), ("state", "running")),
                    models.Q(models.Q(("state", "running"), _negated=True), ("lease", ""), ("lease_until", None)),
                    _connector="OR",
                ),
                name="a_running_job_has_a_lease_and_no_other",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("total", None), ("done__lte", models.F("total")), _connector="OR"),
                name="job_progress_in_range",
            ),
        ),
        migrations.AddIndex(
            model_name="upload",
            index=models.Index(fields=["owner", "id"], name="upload_of_owner"),
        ),
        migrations.AddIndex(
            model_name="upload",
            index=models.Index(fields=["state", "id"], name="upload_by_state"),
        ),
        migrations.AddIndex(
            model_name="upload",
            index=models.Index(condition=models.Q(("finished_at", None)), fields=["owner"], name="uploads_under_way"),
        ),
        migrations.AddIndex(
            model_name="upload",
            index=models.Index(
                condition=models.Q(("cleared_at", None)), fields=["finished_at"], name="uploads_to_clear"
            ),
        ),
        migrations.AddConstraint(
            model_name="upload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("cleared_at", None), ("finished_at", None), ("state__in", ["open", "completing"])),
                    models.Q(
                        models.Q(("state__in", ["open", "completing"]), _negated=True), ("finished_at__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="an_upload_has_an_end_unless_under_way",
            ),
        ),
        migrations.AddConstraint(
            model_name="upload",
            constraint=models.CheckConstraint(condition=models.Q(("size__gt", 0)), name="an_upload_has_bytes"),
        ),
        migrations.AddConstraint(
            model_name="upload",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["open", "completing", "done", "refused", "expired", "cancelled"])),
                name="upload_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="upload",
            constraint=models.CheckConstraint(
                condition=models.Q(("makes_media", True), ("media__isnull", False), _connector="OR"),
                name="upload_fills_or_makes_media",
            ),
        ),
        migrations.AddConstraint(
            model_name="upload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "done"), _negated=True), ("media__isnull", False), _connector="OR"
                ),
                name="a_done_upload_has_a_media",
            ),
        ),
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
