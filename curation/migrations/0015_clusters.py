"""Clusters of media that look alike, what is decided about them, and the searches that find them. New tables: instant."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("curation", "0013_media_by_view"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Cluster",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("exact", "Exact"), ("near", "Near"), ("frozen", "Frozen")],
                        default="near",
                        max_length=6,
                    ),
                ),
                ("centre", models.BinaryField(max_length=32)),
                ("reach", models.PositiveSmallIntegerField(default=0)),
                ("size", models.PositiveIntegerField()),
                ("awaits", models.BooleanField(default=True)),
                (
                    "decision",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("keep_all", "Keep All"),
                            ("keep_one", "Keep One"),
                            ("not_duplicates", "Not Duplicates"),
                        ],
                        max_length=14,
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "decided_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "kept",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="curation.media",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ClusterItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("media_sha256", models.CharField(max_length=64)),
                ("distance", models.PositiveSmallIntegerField()),
                ("is_new", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "cluster",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="curation.cluster",
                    ),
                ),
                (
                    "media",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="cluster_item", to="curation.media"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DuplicateSearch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_global", models.BooleanField()),
                ("phases", models.JSONField(null=True)),
                ("reports", models.JSONField(default=dict)),
                ("report", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "requested_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "duplicate searches",
            },
        ),
        migrations.CreateModel(
            name="ComparisonDue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_global", models.BooleanField()),
                (
                    "media",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="curation.media",
                    ),
                ),
                (
                    "search",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="curation.duplicatesearch",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "comparisons due",
            },
        ),
        migrations.CreateModel(
            name="Likeness",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("high", models.BigIntegerField()),
                ("low", models.BigIntegerField()),
                ("distance", models.PositiveSmallIntegerField()),
                ("is_frozen", models.BooleanField(default=False)),
            ],
            options={
                "verbose_name_plural": "likenesses",
                "constraints": [
                    models.UniqueConstraint(fields=("high", "distance", "low", "is_frozen"), name="likenesses_differ"),
                    models.CheckConstraint(
                        condition=models.Q(("low__lt", models.F("high"))), name="a_likeness_is_of_two"
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="cluster",
            index=models.Index(fields=["kind", "id"], name="clusters_by_kind"),
        ),
        migrations.AddIndex(
            model_name="cluster",
            index=models.Index(fields=["awaits", "id"], name="clusters_by_look"),
        ),
        migrations.AddIndex(
            model_name="cluster",
            index=models.Index(fields=["decision", "id"], name="clusters_by_decision"),
        ),
        migrations.AddConstraint(
            model_name="cluster",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["exact", "near", "frozen"])), name="cluster_kind_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="cluster",
            constraint=models.CheckConstraint(
                condition=models.Q(("decision__in", ["", "keep_all", "keep_one", "not_duplicates"])),
                name="cluster_decision_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="cluster",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decision", "keep_one"), ("kept__isnull", False)),
                    models.Q(models.Q(("decision", "keep_one"), _negated=True), ("kept", None)),
                    _connector="OR",
                ),
                name="keeping_one_says_which",
            ),
        ),
        migrations.AddConstraint(
            model_name="cluster",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("awaits", True), ("decided_at", None), ("decided_by", None), ("decision", "")),
                    models.Q(models.Q(("decision", ""), _negated=True), ("decided_at__isnull", False)),
                    _connector="OR",
                ),
                name="a_decision_has_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="cluster",
            constraint=models.CheckConstraint(condition=models.Q(("reach__lte", 24)), name="cluster_reach_is_limited"),
        ),
        migrations.AddIndex(
            model_name="clusteritem",
            index=models.Index(fields=["cluster", "id"], name="items_of_cluster"),
        ),
        migrations.AddConstraint(
            model_name="clusteritem",
            constraint=models.CheckConstraint(
                condition=models.Q(("distance__lte", 24)), name="cluster_item_distance_is_limited"
            ),
        ),
        migrations.AddConstraint(
            model_name="duplicatesearch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("finished_at", None)), fields=("is_global",), name="one_open_search_of_a_reach"
            ),
        ),
        migrations.AddConstraint(
            model_name="comparisondue",
            constraint=models.UniqueConstraint(fields=("is_global", "media"), name="a_comparison_is_due_once"),
        ),
    ]
