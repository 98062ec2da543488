"""What regions may be called: labels, the versions of their list, and what classes from elsewhere become."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import AppendOnly

DROP, REFUSE, LIST = "drop", "refuse", "list"  # what a mapping says instead of a code


class Label(models.Model):
    """One name of the taxonomy. Regions say its code, which never changes; a retired label stays readable."""

    class Kind(models.TextChoices):
        SMOKE = "smoke"
        FALSE_POSITIVE = "false_positive", "false positive"
        OTHER = "other"

    code = models.CharField(max_length=50, unique=True)
    kind = models.CharField(max_length=14, choices=Kind)
    name_en = models.CharField("name in English", max_length=100)
    name_fr = models.CharField("name in French", max_length=100)
    name_es = models.CharField("name in Spanish", max_length=100)
    colour = models.CharField(max_length=7)  # "#rrggbb"
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    retired_at = models.DateTimeField(null=True, editable=False)  # not to be given to new regions

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~models.Q(code=""), name="label_has_a_code"),
            models.CheckConstraint(condition=~models.Q(code__in=[DROP, REFUSE]), name="label_code_is_no_verdict"),
            models.CheckConstraint(
                condition=models.Q(kind__in=["smoke", "false_positive", "other"]), name="label_kind_is_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(name_en="") & ~models.Q(name_fr="") & ~models.Q(name_es=""),
                name="label_is_named_in_each_language",
            ),
            models.CheckConstraint(
                condition=models.Q(parent=None) | ~models.Q(parent=models.F("id")), name="label_is_not_its_own_parent"
            ),
        ]
        indexes = [models.Index(fields=["kind", "id"], name="label_by_kind")]

    def __str__(self) -> str:
        return self.code


class TaxonomyVersion(AppendOnly):
    """All labels as they were after one change."""

    number = models.PositiveIntegerField(unique=True)  # 1, 2, 3, ...
    labels = models.JSONField()  # [{"code", "kind", "names": {"en", ...}, "colour", "parent", "retired"}], by code
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_login = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"taxonomy {self.number}"


class Mapping(AppendOnly):
    """What classes of one source become. A change is a new version: whoever used one can say which."""

    class OnUnknown(models.TextChoices):
        """What becomes of a class that has no rule; it is never guessed."""

        REFUSE = REFUSE, "refuse the region"
        DROP = DROP, "drop the region"
        LIST = LIST, "keep the region without a label, and list it"

    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField()  # 1, 2, 3, ... of the name
    rules = models.JSONField()  # {class elsewhere: code | "drop" | "refuse"}
    on_unknown = models.CharField(max_length=6, choices=OnUnknown, default=OnUnknown.REFUSE)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_login = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="mapping_versions_differ"),
            models.CheckConstraint(condition=~models.Q(name=""), name="mapping_has_a_name"),
            models.CheckConstraint(
                condition=models.Q(on_unknown__in=[REFUSE, DROP, LIST]), name="mapping_of_the_unknown_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    def verdict(self, foreign: str) -> str:
        """What a class from elsewhere becomes: a code, or DROP, REFUSE, LIST."""
        return str(self.rules.get(foreign, self.on_unknown))
