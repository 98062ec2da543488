"""One effect per Idempotency-Key: the answer is committed with the effect and given again for a day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Access
from accounts.refusals import Invalid
from curation.models import IdempotencyKey

SPELLING = re.compile(r"[\x21-\x7e]{1,200}")


class AlreadyDone(Exception):
    """Another request with this key committed first; its answer is the answer."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The key of one request and what it asked (`fingerprint`, a SHA-256 as hex)."""

    access: Access
    key: str
    fingerprint: str

    def __post_init__(self) -> None:
        if not SPELLING.fullmatch(self.key):
            raise Invalid("must be 1 to 200 visible ASCII characters", "header", "Idempotency-Key")

    def answer(self) -> tuple[int, Any] | None:
        """The (status, body) given before, or None. Raises Invalid when the key belonged to another request."""
        kept = IdempotencyKey.objects.filter(access=self.access, key=self.key, created_at__gt=_oldest()).first()
        if kept is None:
            return None
        if kept.fingerprint != self.fingerprint:
            raise Invalid("This key was used for another request.", "header", "Idempotency-Key")
        return kept.status, kept.body

    def keep(self, status: int, body: Any) -> None:
        """Within the transaction of the effect. Raises AlreadyDone, which undoes the effect."""
        expired().filter(access=self.access, key=self.key).delete()
        try:
            IdempotencyKey.objects.create(
                access=self.access, key=self.key, fingerprint=self.fingerprint, status=status, body=body
            )
        except IntegrityError as error:
            raise AlreadyDone from error


def _oldest() -> Any:
    return timezone.now() - settings.IDEMPOTENCY_LIFETIME


def expired() -> QuerySet[IdempotencyKey]:
    """Keys older than their lifetime."""
    return IdempotencyKey.objects.filter(created_at__lte=_oldest())


def purge() -> int:
    """Forget keys older than their lifetime; return how many."""
    return expired().delete()[0]
