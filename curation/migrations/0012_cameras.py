"""Cameras, views and sequences. New tables, and a column of media that is empty: instant on any size, reversible."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_list_indexes"),
        ("curation", "0011_regions"),
    ]

    operations = [
        migrations.CreateModel(
            name="ViewAlias",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.CharField(blank=True, max_length=10)),
            ],
            options={
                "verbose_name_plural": "view aliases",
            },
        ),
        migrations.CreateModel(
            name="Camera",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("name_folded", models.CharField(editable=False, max_length=200)),
                ("latitude", models.FloatField(null=True)),
                ("longitude", models.FloatField(null=True)),
                ("elevation", models.FloatField(null=True)),
                ("fov", models.FloatField(null=True)),
                ("timezone", models.CharField(default="UTC", max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "organisation",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organisation",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CameraAlias",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(blank=True, max_length=200)),
                ("text", models.CharField(max_length=200)),
                (
                    "camera",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="aliases", to="curation.camera"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organisation",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "camera aliases",
            },
        ),
        migrations.CreateModel(
            name="Sequence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=255)),
                ("name_folded", models.CharField(editable=False, max_length=500)),
                ("started_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "origin",
                    models.CharField(choices=[("name", "Name"), ("time", "Time"), ("human", "Human")], max_length=5),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "merged_into",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="merged",
                        to="curation.sequence",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organisation",
                    ),
                ),
                (
                    "shown_as",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="shown",
                        to="curation.sequence",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SequenceItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.BigIntegerField()),
                (
                    "media",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="item", to="curation.media"
                    ),
                ),
                (
                    "sequence",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="curation.sequence",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="View",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("azimuth", models.PositiveSmallIntegerField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "camera",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="views", to="curation.camera"
                    ),
                ),
                (
                    "merged_into",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="merged",
                        to="curation.view",
                    ),
                ),
                (
                    "shown_as",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="shown",
                        to="curation.view",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="sequence",
            name="view",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="sequences",
                to="curation.view",
            ),
        ),
        migrations.AddField(
            model_name="media",
            name="view",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="media",
                to="curation.view",
            ),
        ),
        migrations.AddField(
            model_name="viewalias",
            name="camera",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="view_aliases",
                to="curation.camera",
            ),
        ),
        migrations.AddField(
            model_name="viewalias",
            name="view",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="aliases", to="curation.view"
            ),
        ),
        migrations.AddIndex(
            model_name="camera",
            index=models.Index(fields=["organisation", "id"], name="cameras_of_organisation"),
        ),
        migrations.AddIndex(
            model_name="camera",
            index=models.Index(fields=["name_folded"], name="cameras_by_name"),
        ),
        migrations.AddConstraint(
            model_name="camera",
            constraint=models.CheckConstraint(
                condition=models.Q(("name_folded", ""), _negated=True), name="camera_has_a_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="camera",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("latitude", None), ("longitude", None)),
                    models.Q(("latitude__isnull", False), ("longitude__isnull", False)),
                    _connector="OR",
                ),
                name="camera_position_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="camera",
            constraint=models.CheckConstraint(
                condition=models.Q(("latitude", None), ("latitude__range", (-90, 90)), _connector="OR"),
                name="camera_latitude_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="camera",
            constraint=models.CheckConstraint(
                condition=models.Q(("longitude", None), ("longitude__range", (-180, 180)), _connector="OR"),
                name="camera_longitude_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="camera",
            constraint=models.CheckConstraint(
                condition=models.Q(("elevation", None), ("elevation__range", (-500, 9000)), _connector="OR"),
                name="camera_elevation_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="camera",
            constraint=models.CheckConstraint(
                condition=models.Q(("fov", None), models.Q(("fov__gt", 0), ("fov__lte", 360)), _connector="OR"),
                name="camera_fov_is_over_0_to_360",
            ),
        ),
        migrations.AddConstraint(
            model_name="camera",
            constraint=models.CheckConstraint(
                condition=models.Q(("timezone", ""), _negated=True), name="camera_has_a_timezone"
            ),
        ),
        migrations.AddConstraint(
            model_name="cameraalias",
            constraint=models.UniqueConstraint(
                condition=models.Q(("organisation__isnull", False)),
                fields=("organisation", "source", "text"),
                name="camera_names_of_an_organisation_differ",
            ),
        ),
        migrations.AddConstraint(
            model_name="cameraalias",
            constraint=models.UniqueConstraint(
                condition=models.Q(("organisation", None)),
                fields=("source", "text"),
                name="camera_names_of_nobody_differ",
            ),
        ),
        migrations.AddConstraint(
            model_name="cameraalias",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", ""), _negated=True), name="camera_alias_has_a_text"
            ),
        ),
        migrations.AddIndex(
            model_name="sequenceitem",
            index=models.Index(fields=["sequence", "position"], name="sequence_items_in_order"),
        ),
        migrations.AddConstraint(
            model_name="view",
            constraint=models.UniqueConstraint(
                condition=models.Q(("azimuth__isnull", False)),
                fields=("camera", "azimuth"),
                name="views_of_a_camera_differ",
            ),
        ),
        migrations.AddConstraint(
            model_name="view",
            constraint=models.UniqueConstraint(
                condition=models.Q(("azimuth", None)), fields=("camera",), name="one_view_of_a_camera_without_azimuth"
            ),
        ),
        migrations.AddConstraint(
            model_name="view",
            constraint=models.CheckConstraint(
                condition=models.Q(("azimuth", None), ("azimuth__lt", 360), _connector="OR"),
                name="view_azimuth_is_0_to_359",
            ),
        ),
        migrations.AddConstraint(
            model_name="view",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("merged_into", None), ("shown_as", None)),
                    models.Q(("merged_into__isnull", False), ("shown_as__isnull", False)),
                    _connector="OR",
                ),
                name="a_merged_view_is_shown_as_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="view",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("merged_into", None),
                    models.Q(
                        models.Q(("merged_into", models.F("id")), _negated=True),
                        models.Q(("shown_as", models.F("id")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="no_view_is_merged_into_itself",
            ),
        ),
        migrations.AddIndex(
            model_name="sequence",
            index=models.Index(fields=["view", "id"], name="sequences_of_view"),
        ),
        migrations.AddIndex(
            model_name="sequence",
            index=models.Index(fields=["view", "started_at"], name="sequences_of_view_by_start"),
        ),
        migrations.AddIndex(
            model_name="sequence",
            index=models.Index(fields=["organisation", "id"], name="sequences_of_organisation"),
        ),
        migrations.AddIndex(
            model_name="sequence",
            index=models.Index(fields=["origin", "id"], name="sequences_by_origin"),
        ),
        migrations.AddIndex(
            model_name="sequence",
            index=models.Index(fields=["name_folded"], name="sequences_by_name"),
        ),
        migrations.AddConstraint(
            model_name="sequence",
            constraint=models.UniqueConstraint(
                condition=models.Q(("organisation__isnull", False), ("origin", "name")),
                fields=("organisation", "name_folded"),
                name="named_sequences_of_an_organisation_differ",
            ),
        ),
        migrations.AddConstraint(
            model_name="sequence",
            constraint=models.UniqueConstraint(
                condition=models.Q(("organisation", None), ("origin", "name")),
                fields=("name_folded",),
                name="named_sequences_of_nobody_differ",
            ),
        ),
        migrations.AddConstraint(
            model_name="sequence",
            constraint=models.CheckConstraint(
                condition=models.Q(("name_folded", ""), _negated=True), name="sequence_has_a_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="sequence",
            constraint=models.CheckConstraint(
                condition=models.Q(("origin__in", ["name", "time", "human"])), name="sequence_origin_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="sequence",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("started_at", None)),
                    models.Q(
                        ("ended_at__isnull", False),
                        ("started_at__isnull", False),
                        ("started_at__lte", models.F("ended_at")),
                    ),
                    _connector="OR",
                ),
                name="sequence_starts_before_it_ends",
            ),
        ),
        migrations.AddConstraint(
            model_name="sequence",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("origin", "time"), _negated=True),
                    models.Q(("view__isnull", False), ("started_at__isnull", False)),
                    _connector="OR",
                ),
                name="a_sequence_by_time_has_a_view_and_times",
            ),
        ),
        migrations.AddConstraint(
            model_name="sequence",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("merged_into", None), ("shown_as", None)),
                    models.Q(("merged_into__isnull", False), ("shown_as__isnull", False)),
                    _connector="OR",
                ),
                name="a_merged_sequence_is_shown_as_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="sequence",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("merged_into", None),
                    models.Q(
                        models.Q(("merged_into", models.F("id")), _negated=True),
                        models.Q(("shown_as", models.F("id")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="no_sequence_is_merged_into_itself",
            ),
        ),
        migrations.AddConstraint(
            model_name="viewalias",
            constraint=models.UniqueConstraint(fields=("camera", "text"), name="azimuth_texts_of_a_camera_differ"),
        ),
    ]
