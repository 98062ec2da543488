"""Labels, versions of their list, and mappings; with the taxonomy of the field. New tables: instant on any size."""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from accounts.append_only import add, drop

SMOKE, FALSE_POSITIVE, OTHER = "smoke", "false_positive", "other"
SHIPPED = [  # code, kind, parent, English, French, Spanish, colour
    ("smoke", SMOKE, None, "smoke", "fumée", "humo", "#d1495b"),
    ("wildfire", SMOKE, "smoke", "wildfire", "feu de forêt", "incendio forestal", "#e4572e"),
    ("industrial", SMOKE, "smoke", "industrial smoke", "fumée industrielle", "humo industrial", "#a23b72"),
    ("other_smoke", SMOKE, "smoke", "other smoke", "autre fumée", "otro humo", "#c98986"),
    ("antenna", FALSE_POSITIVE, None, "antenna", "antenne", "antena", "#2e86ab"),
    ("building", FALSE_POSITIVE, None, "building", "bâtiment", "edificio", "#3d5a80"),
    ("cliff", FALSE_POSITIVE, None, "cliff", "falaise", "acantilado", "#7f5539"),
    ("combine_harvester", FALSE_POSITIVE, None, "combine harvester", "moissonneuse-batteuse", "cosechadora", "#b08900"),
    ("dark", FALSE_POSITIVE, None, "darkness", "obscurité", "oscuridad", "#495057"),
    ("dust", FALSE_POSITIVE, None, "dust", "poussière", "polvo", "#a68a64"),
    ("high_cloud", FALSE_POSITIVE, None, "high cloud", "nuage élevé", "nube alta", "#5fa8d3"),
    ("low_cloud", FALSE_POSITIVE, None, "low cloud", "nuage bas", "nube baja", "#1b98e0"),
    ("lens_flare", FALSE_POSITIVE, None, "lens flare", "reflet de lentille", "destello de lente", "#f2a541"),
    ("lens_droplet", FALSE_POSITIVE, None, "droplet on the lens", "goutte sur la lentille", "gota en la lente", "#48bfe3"),
    ("light", FALSE_POSITIVE, None, "light", "lumière", "luz", "#f7b801"),
    ("rain", FALSE_POSITIVE, None, "rain", "pluie", "lluvia", "#4361ee"),
    ("trail", FALSE_POSITIVE, None, "trail", "sentier", "sendero", "#9c6644"),
    ("road", FALSE_POSITIVE, None, "road", "route", "carretera", "#6c757d"),
    ("sky", FALSE_POSITIVE, None, "sky", "ciel", "cielo", "#56cfe1"),
    ("tree", FALSE_POSITIVE, None, "tree", "arbre", "árbol", "#2d6a4f"),
    ("water_body", FALSE_POSITIVE, None, "body of water", "plan d’eau", "masa de agua", "#0077b6"),
    ("other_false_positive", FALSE_POSITIVE, None, "other false positive", "autre faux positif", "otro falso positivo",
     "#8d99ae"),
    ("unlabeled", FALSE_POSITIVE, None, "not labelled yet", "pas encore étiqueté", "aún sin etiqueta", "#adb5bd"),
    ("uncertain", OTHER, None, "uncertain", "incertain", "incierto", "#9d4edd"),
]  # fmt: skip


def ship(apps: Any, schema_editor: Any) -> None:
    label, version = apps.get_model("curation", "Label"), apps.get_model("curation", "TaxonomyVersion")
    ids: dict[str | None, int | None] = {None: None}
    kept = []
    for code, kind, parent, en, fr, es, colour in SHIPPED:
        names = {"name_en": en, "name_fr": fr, "name_es": es}
        ids[code] = label.objects.create(code=code, kind=kind, parent_id=ids[parent], colour=colour, **names).pk
        kept.append(
            {"code": code, "kind": kind, "names": {"en": en, "fr": fr, "es": es}, "colour": colour, "parent": parent,
             "retired": False}
        )  # fmt: skip
    version.objects.create(number=1, labels=sorted(kept, key=lambda row: str(row["code"])))


class Migration(migrations.Migration):
    dependencies = [
        ("curation", "0007_storage_checks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TaxonomyVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(unique=True)),
                ("labels", models.JSONField()),
                ("author_login", models.CharField(blank=True, max_length=100)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Label",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=50, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("smoke", "Smoke"), ("false_positive", "false positive"), ("other", "Other")],
                        max_length=14,
                    ),
                ),
                ("name_en", models.CharField(max_length=100, verbose_name="name in English")),
                ("name_fr", models.CharField(max_length=100, verbose_name="name in French")),
                ("name_es", models.CharField(max_length=100, verbose_name="name in Spanish")),
                ("colour", models.CharField(max_length=7)),
                ("retired_at", models.DateTimeField(editable=False, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="curation.label",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["kind", "id"], name="label_by_kind")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("code", ""), _negated=True), name="label_has_a_code"),
                    models.CheckConstraint(
                        condition=models.Q(("code__in", ["drop", "refuse"]), _negated=True),
                        name="label_code_is_no_verdict",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["smoke", "false_positive", "other"])),
                        name="label_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("name_en", ""), _negated=True),
                            models.Q(("name_fr", ""), _negated=True),
                            models.Q(("name_es", ""), _negated=True),
                        ),
                        name="label_is_named_in_each_language",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("parent", None), models.Q(("parent", models.F("id")), _negated=True), _connector="OR"
                        ),
                        name="label_is_not_its_own_parent",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Mapping",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("version", models.PositiveIntegerField()),
                ("rules", models.JSONField()),
                (
                    "on_unknown",
                    models.CharField(
                        choices=[
                            ("refuse", "refuse the region"),
                            ("drop", "drop the region"),
                            ("list", "keep the region without a label, and list it"),
                        ],
                        default="refuse",
                        max_length=6,
                    ),
                ),
                ("author_login", models.CharField(blank=True, max_length=100)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("name", "version"), name="mapping_versions_differ"),
                    models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="mapping_has_a_name"),
                    models.CheckConstraint(
                        condition=models.Q(("on_unknown__in", ["refuse", "drop", "list"])),
                        name="mapping_of_the_unknown_is_known",
                    ),
                ],
            },
        ),
        migrations.RunPython(add("curation_taxonomyversion"), drop("curation_taxonomyversion")),
        migrations.RunPython(add("curation_mapping"), drop("curation_mapping")),
        migrations.RunPython(ship, migrations.RunPython.noop),
    ]
