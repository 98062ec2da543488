"""The index of regions. A new table: instant on any size; `manage.py reindex_regions` fills it from the revisions."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("curation", "0010_labels"),
    ]

    operations = [
        migrations.CreateModel(
            name="Region",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "origin",
                    models.CharField(
                        choices=[("prediction", "Prediction"), ("imported", "Imported"), ("human", "Human")],
                        max_length=10,
                    ),
                ),
                ("is_truth", models.BooleanField()),
                ("score", models.FloatField(null=True)),
                ("kind", models.CharField(choices=[("box", "Box"), ("polygon", "Polygon")], max_length=7)),
                ("x1", models.FloatField()),
                ("y1", models.FloatField()),
                ("x2", models.FloatField()),
                ("y2", models.FloatField()),
                ("points", models.JSONField(null=True)),
                ("object_id", models.CharField(blank=True, max_length=200)),
                ("frame", models.PositiveIntegerField(null=True)),
                ("attributes", models.JSONField(default=dict)),
                (
                    "annotation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="regions",
                        to="curation.annotation",
                    ),
                ),
                (
                    "label",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="regions",
                        to="curation.label",
                    ),
                ),
                (
                    "media",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="regions",
                        to="curation.media",
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="curation.annotationrevision",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["label", "origin", "media"], name="region_by_label"),
                    models.Index(fields=["media"], name="region_of_media"),
                    models.Index(fields=["annotation"], name="region_of_annotation"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("x1__gte", 0), ("x2__gt", models.F("x1")), ("x2__lte", 1)),
                        name="region_lies_within_the_width",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("y1__gte", 0), ("y2__gt", models.F("y1")), ("y2__lte", 1)),
                        name="region_lies_within_the_height",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("origin__in", ["prediction", "imported", "human"])),
                        name="region_origin_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("origin", "prediction"), _negated=True), ("is_truth", False), _connector="OR"
                        ),
                        name="a_predicted_region_is_no_truth",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("score", None), ("is_truth", False), _connector="OR"),
                        name="a_region_with_score_is_no_truth",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("score", None), models.Q(("score__gte", 0), ("score__lte", 1)), _connector="OR"
                        ),
                        name="region_score_is_0_to_1",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "box"), ("points__isnull", True)),
                            models.Q(("kind", "polygon"), ("points__isnull", False)),
                            _connector="OR",
                        ),
                        name="a_polygon_alone_has_points",
                    ),
                ],
            },
        ),
    ]
