"""In what light media were taken, and by which camera; and collections of them. Empty columns: instant on any size."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_list_indexes"),
        ("curation", "0016_comparisons_due"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Collection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("name_folded", models.CharField(editable=False, max_length=200)),
                ("description", models.CharField(blank=True, max_length=500)),
                ("query", models.JSONField(null=True)),
                ("sample", models.JSONField(null=True)),
                ("seed", models.PositiveBigIntegerField(default=0)),
                ("frozen_at", models.DateTimeField(editable=False, null=True)),
                ("size", models.PositiveIntegerField(editable=False, null=True)),
                ("report", models.JSONField(editable=False, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("deleted_at", models.DateTimeField(editable=False, null=True)),
                (
                    "deleted_by",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CollectionItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "collection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="curation.collection",
                    ),
                ),
                (
                    "media",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="collected", to="curation.media"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="media",
            name="light",
            field=models.CharField(
                blank=True,
                choices=[("day", "Day"), ("twilight", "Twilight"), ("night", "Night")],
                db_default="",
                default="",
                editable=False,
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="media",
            name="taken_by",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="curation.camera",
            ),
        ),
        migrations.AddIndex(
            model_name="collection",
            index=models.Index(fields=["organisation", "id"], name="collections_of_organisation"),
        ),
        migrations.AddIndex(
            model_name="collection",
            index=models.Index(fields=["owner", "id"], name="collections_of_owner"),
        ),
        migrations.AddIndex(
            model_name="collection",
            index=models.Index(fields=["name_folded"], name="collections_by_name"),
        ),
        migrations.AddConstraint(
            model_name="collection",
            constraint=models.UniqueConstraint(
                condition=models.Q(("deleted_at", None), ("organisation__isnull", False)),
                fields=("organisation", "name_folded"),
                name="collections_of_an_organisation_differ",
            ),
        ),
        migrations.AddConstraint(
            model_name="collection",
            constraint=models.UniqueConstraint(
                condition=models.Q(("deleted_at", None), ("organisation", None)),
                fields=("name_folded",),
                name="collections_of_nobody_differ",
            ),
        ),
        migrations.AddConstraint(
            model_name="collection",
            constraint=models.CheckConstraint(
                condition=models.Q(("name_folded", ""), _negated=True), name="collection_has_a_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="collection",
            constraint=models.CheckConstraint(
                condition=models.Q(("sample__isnull", True), ("query__isnull", False), _connector="OR"),
                name="a_sample_is_of_a_query",
            ),
        ),
        migrations.AddConstraint(
            model_name="collection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("frozen_at", None), ("size", None)),
                    models.Q(("frozen_at__isnull", False), ("size__isnull", False)),
                    _connector="OR",
                ),
                name="a_frozen_collection_knows_its_size",
            ),
        ),
        migrations.AddConstraint(
            model_name="collectionitem",
            constraint=models.UniqueConstraint(fields=("collection", "media"), name="a_media_is_collected_once"),
        ),
    ]
