from __future__ import annotations

from django.db import models
from django.utils import timezone


class AdoptionFinding(models.Model):
    """A line of the report about a taken-over service, committed with the row that it is about.

    So the report is whole although the work was interrupted, and stays when the terminal is closed.
    """

    table = models.CharField(max_length=20, blank=True)  # of the source; "" where no row is meant
    row_id = models.BigIntegerField(default=0)  # in the source
    code = models.CharField(max_length=30)
    verdict = models.CharField(max_length=20)  # kept | kept without file | left out | noted
    key = models.CharField(max_length=200, blank=True)  # what the source calls the object
    sentence = models.CharField(max_length=500)
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["table", "row_id", "code", "key"], name="adoption_findings_differ"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.table} {self.row_id}"
