"""Each filter and each search of a list finds its rows by an index."""

from django.db import migrations, models

from accounts.indexing import AddIndexInPlace


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds no index beside other work within a transaction
    dependencies = [("accounts", "0002_history_is_append_only")]
    operations = [
        AddIndexInPlace("access", models.Index(fields=["scope", "id"], name="access_by_scope")),
        AddIndexInPlace("access", models.Index(fields=["is_active", "id"], name="access_by_activity")),
        AddIndexInPlace("apitoken", models.Index(fields=["kind", "id"], name="token_by_kind")),
        AddIndexInPlace("apitoken", models.Index(fields=["revoked_at", "expires_at"], name="token_by_end")),
        AddIndexInPlace(
            "apitoken", models.Index(fields=["name"], name="token_by_name", opclasses=["varchar_pattern_ops"])
        ),
        AddIndexInPlace("auditentry", models.Index(fields=["door", "id"], name="audit_by_door")),
        AddIndexInPlace("auditentry", models.Index(fields=["action", "id"], name="audit_by_action")),
        AddIndexInPlace(
            "auditentry", models.Index(fields=["actor_login"], name="audit_by_login", opclasses=["varchar_pattern_ops"])
        ),
    ]
