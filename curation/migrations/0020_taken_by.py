"""A media with a view has its camera, now that all of them have; 0021 reads the rows that are there."""

from django.db import migrations, models

from accounts.indexing import AddConstraintUnread


class Migration(migrations.Migration):
    dependencies = [("curation", "0019_light")]
    operations = [
        AddConstraintUnread(
            model_name="media",
            constraint=models.CheckConstraint(
                condition=models.Q(view=None, taken_by=None) | models.Q(view__isnull=False, taken_by__isnull=False),
                name="media_of_a_view_is_taken_by_its_camera",
            ),
        ),
        AddConstraintUnread(
            model_name="media",
            constraint=models.CheckConstraint(
                condition=models.Q(light__in=["", "day", "twilight", "night"]), name="media_light_is_known"
            ),
        ),
    ]
