"""On PostgreSQL a trigger refuses to change or remove a line of history, whoever asks. Reversible, instant on any size."""

from django.db import migrations

from accounts.append_only import add, drop


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(add("accounts_auditentry"), drop("accounts_auditentry"))]
