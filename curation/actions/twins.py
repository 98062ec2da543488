"""Media that somebody can see already, with the very bytes that are about to be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.models import QuerySet

from accounts.models import Access
from accounts.prepared import Prepared
from accounts.scopes import Sees
from curation.actions import media as medias
from curation.actions.objects import Claim
from curation.models import Media, StoredObject


@dataclass(frozen=True, slots=True)
class Twin:
    """A media that the actor sees, with the bytes that are wanted, and its object."""

    media: Media
    claim: Claim

    def columns(self, name: str) -> dict[str, Any]:
        return medias.columns_of_twin(self.media, name)


def twins_of(asked: Mapping[str, tuple[int, str]], access: Access) -> dict[str, Twin]:
    """By digest: what the access may see of what is asked; sizes and types that differ are no twins.

    asked: size in bytes and Media.Type by digest.
    """
    if _surely_has_none(list(asked), access):
        return {}
    seen = Media.objects.visible_to(access).stored().filter(sha256__in=asked)
    medias_by_key = {row.file.name: row for row in seen.order_by("-pk") if (row.size, row.type) == asked[row.sha256]}
    ready = StoredObject.objects.filter(key__in=medias_by_key, state=StoredObject.State.READY)
    claims = {row.key: Claim(row.pk, row.key, written=False) for row in ready}
    return {row.sha256: Twin(row, claims[key]) for key, row in medias_by_key.items() if key in claims}


def _surely_has_none(digests: list[str], access: Access) -> bool:
    """Most uploads are of new bytes and come one by one: a statement that is made once spares the long one."""
    if len(digests) > 1 or access.sees == Sees.LISTED:
        return False
    return not _seen_with(access.sees).exists(sha256=digests[0], owner_id=access.pk)


@cache
def _seen_with(sees: str) -> Prepared[Media]:
    def build(sha256: str, owner_id: int) -> QuerySet[Media]:
        return Media.objects.visible_to(Access(pk=owner_id, sees=sees)).filter(sha256=sha256)

    return Prepared(build, sha256=str, owner_id=int)
