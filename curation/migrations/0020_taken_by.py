"""A media with a view has its camera, now that all of them have. Reads the table once: a second for a million rows."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("curation", "0019_light")]
    operations = [
        migrations.AddConstraint(
            model_name="media",
            constraint=models.CheckConstraint(
                condition=models.Q(view=None, taken_by=None) | models.Q(view__isnull=False, taken_by__isnull=False),
                name="media_of_a_view_is_taken_by_its_camera",
            ),
        ),
    ]
