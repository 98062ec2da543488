from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from accounts.names import fold


class Organisation(models.Model):
    """Who runs cameras or curates: pictures carry the organisation of the access that sent them."""

    name = models.CharField(max_length=100)
    name_folded = models.CharField(max_length=100, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name_folded"]
        constraints = [
            models.CheckConstraint(condition=~models.Q(name_folded=""), name="organisation_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_folded = fold(self.name)  # derived, so that no door can forget it
        super().save(*args, **kwargs)

    def clean(self) -> None:
        self.name_folded = fold(self.name)
