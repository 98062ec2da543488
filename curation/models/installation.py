from __future__ import annotations

from django.db import models
from django.utils import timezone


class Installation(models.Model):
    """What this installation found when it first met a store; decides whether unknown objects there may be its own."""

    store = models.CharField(max_length=500, unique=True)  # a folder, or the address of a bucket
    found_empty = models.BooleanField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.store
