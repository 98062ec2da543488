"""What the nightly reading of the store has found, for the page of the ledger and the first page."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from curation.actions.checking.noting import CYCLE
from curation.models import REFERENCES, StorageCheck, StoredObject

LOST_SHOWN = 50
LOST_COUNTED = 1000
ROWS_SHOWN = 500  # that refer to the objects of one page, of each table
NIGHTS_MISSED = 2  # days without a scrub before it is said


@dataclass(frozen=True, slots=True)
class Referrer:
    """A row that needs a lost object; without address where its page is not there, or not for this access."""

    title: str
    address: str = ""


@dataclass(slots=True)
class Lost:
    """An object that is missing or damaged, and who needs it."""

    row: StoredObject
    address: str
    referrers: list[Referrer] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Integrity:
    """When the store was last read, how much of it is known to be good, and what is lost."""

    scrub: StorageCheck | None  # the last one
    full: StorageCheck | None  # the last full check that noted what it found
    lost: int  # counted up to LOST_COUNTED

    @property
    def cycle(self) -> int:
        """Days."""
        return CYCLE.days

    @property
    def percent(self) -> int | None:
        """Of the store's bytes, those verified within the cycle, when the last scrub ended. 100 means all of them."""
        if self.scrub is None or self.scrub.ended_at is None:
            return None
        kept = self.scrub.bytes_kept
        return self.scrub.bytes_verified * 100 // kept if kept else 100

    @property
    def is_late(self) -> bool:
        return self.scrub is None or (timezone.now() - self.scrub.began_at).days >= NIGHTS_MISSED

    @property
    def more_than_counted(self) -> bool:
        return self.lost == LOST_COUNTED


def integrity() -> Integrity:
    """In three queries, none of which reads a whole table."""
    lines = StorageCheck.objects
    lost = StoredObject.objects.lost().values("pk")[:LOST_COUNTED].count()
    return Integrity(lines.newest(StorageCheck.Kind.SCRUB), lines.newest(StorageCheck.Kind.FULL), lost)


def lost_objects(request: HttpRequest) -> list[Lost]:
    """The newest ones, with the rows that need them; as many queries for many as for one."""
    rows = StoredObject.objects.lost().order_by("-pk")[:LOST_SHOWN]
    lost = {row.key: Lost(row, reverse("admin:curation_storedobject_change", args=[row.pk])) for row in rows}
    for key, referrer in _referrers(list(lost), request):
        lost[key].referrers.append(referrer)
    return list(lost.values())


def _referrers(keys: list[str], request: HttpRequest) -> list[tuple[str, Referrer]]:
    found = []
    for model, column in REFERENCES:
        manager: Any = model._default_manager
        needing = manager.filter(**{f"{column}__in": keys}).order_by("-pk").values_list(column, "pk")
        ids: dict[str, list[int]] = defaultdict(list)
        for key, row_id in needing[:ROWS_SHOWN]:
            ids[key].append(row_id)
        shown = _shown(model, [row_id for of_key in ids.values() for row_id in of_key], request)
        for key, of_key in ids.items():
            found += [(key, Referrer(f"{model._meta.verbose_name} {n}", shown.get(n, ""))) for n in of_key]
    return found


def _shown(model: type[Model], ids: list[int], request: HttpRequest) -> dict[int, str]:
    """Address by id, of the rows that have a page which this access may see: deleted ones have none."""
    page: Any = admin.site._registry.get(model)
    if page is None or not page.has_view_permission(request):
        return {}
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    visible = page.get_queryset(request).order_by().filter(pk__in=ids).values_list("pk", flat=True)
    return {row_id: reverse(name, args=[row_id]) for row_id in visible}
