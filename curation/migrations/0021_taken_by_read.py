"""Read the media that are there for the constraints of 0020, while others write: a second for a million."""

from django.db import migrations

from accounts.indexing import ReadConstraint


class Migration(migrations.Migration):
    dependencies = [("curation", "0020_taken_by")]
    operations = [
        ReadConstraint("curation_media", "media_of_a_view_is_taken_by_its_camera"),
        ReadConstraint("curation_media", "media_light_is_known"),
    ]
