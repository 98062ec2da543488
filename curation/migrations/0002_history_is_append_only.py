"""On PostgreSQL a trigger refuses to change or remove a line of history, whoever asks. Reversible, instant on any size."""

from django.db import migrations

from accounts.append_only import add, drop


class Migration(migrations.Migration):
    dependencies = [("curation", "0001_initial"), ("accounts", "0002_history_is_append_only")]
    operations = [migrations.RunPython(add("curation_annotationrevision"), drop("curation_annotationrevision"))]
