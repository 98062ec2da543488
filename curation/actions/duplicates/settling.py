"""Make clusters of the likenesses that were found: in the order of the media, those of the nearest ones first.

A transaction for every page of likenesses, which are gone with it: killed at any moment, it goes on where it was. Two
at once take turns, for each locks its search and its page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from curation.actions.duplicates.due import leave
from curation.actions.duplicates.groups import CLOSE, Group, Look, can_take_in, home_of
from curation.actions.duplicates.neighbours import ALIKE
from curation.actions.duplicates.planning import Progress
from curation.models import Cluster, ClusterItem, Fingerprint, Likeness

PAGE = 4000  # likenesses of a transaction


@dataclass(slots=True)
class Tally:
    """clusters: new ones. joined: media that are in a cluster now. merged: clusters that became part of another.

    apart: likenesses that tie no cluster together: it would be too wide, or two decisions stand against it.
    """

    clusters: int = 0
    joined: int = 0
    merged: int = 0
    apart: int = 0

    def add(self, other: Tally) -> None:
        for name, count in asdict(other).items():
            setattr(self, name, getattr(self, name) + count)


def settle(progress: Progress, *, may_go_on: Callable[[], bool]) -> Tally:
    """All likenesses that wait. may_go_on: asked within each transaction, and false when another one has done it."""
    tally, done = Tally(), 0
    while count := _settle_page(tally, may_go_on):
        done += count
        progress("likenesses settled", done)
    return tally


@transaction.atomic(durable=True)
def _settle_page(tally: Tally, may_go_on: Callable[[], bool]) -> int:
    if not may_go_on():
        return 0
    waiting = Likeness.objects.select_for_update().order_by("high", "distance", "low", "is_frozen")
    page = list(waiting.values_list("pk", "high", "low", "is_frozen")[:PAGE])
    if page:
        settling = _Settling({media for _, *pair, _ in page for media in pair})
        for _, high, low, is_frozen in page:
            settling.tie(high, low, is_frozen=is_frozen)
        settling.write()
        Likeness.objects.filter(pk__in=[row[0] for row in page]).delete()
        tally.add(settling.tally)
    return len(page)


class _Settling:
    """The clusters of some media, as they are now and as they become."""

    def __init__(self, media: set[int]) -> None:
        self.tally = Tally()
        self._looks = _looks(media)
        self._groups = _groups(self._looks)  # by media
        self._digests = {media: look.sha256 for media, look in self._looks.items()}
        self._gone: list[int] = []  # clusters that became part of another

    def tie(self, high: int, low: int, *, is_frozen: bool) -> None:
        """Let two media be in one cluster, when they still look alike and nothing stands against it."""
        if high not in self._looks or low not in self._looks:
            return
        if (self._looks[high].fingerprint ^ self._looks[low].fingerprint).bit_count() > ALIKE:
            return
        home = self._tied(high, low)
        if home is None:
            self.tally.apart += 1
        elif is_frozen and not home.is_frozen:
            home.is_frozen = home.is_changed = True

    def _tied(self, high: int, low: int) -> Group | None:
        """The cluster that both are in from now on, None when they stay apart."""
        one, other = self._groups.get(high), self._groups.get(low)
        if one is not None and other is not None:
            return one if one is other else self._merged(*home_of(one, other))
        if one is not None:
            return self._joined(one, low)
        return self._joined(other or self._begun(low), high)

    def _begun(self, media: int) -> Group:
        group = Group(centre=self._looks[media].fingerprint)
        self._add(group, media)
        self.tally.clusters += 1
        return group

    def _joined(self, group: Group, media: int) -> Group | None:
        if not group.fits(self._looks[media].fingerprint):
            return None
        self._add(group, media)
        return group

    def _add(self, group: Group, media: int) -> None:
        group.add(media, self._looks[media])
        self._groups[media] = group
        self.tally.joined += 1

    def _merged(self, home: Group, other: Group) -> Group | None:
        if not can_take_in(home, other):
            return None
        for media, look in (other.members or {}).items():
            home.add(media, look)
            self._groups[media], self._digests[media] = home, look.sha256
        home.is_frozen = home.is_frozen or other.is_frozen
        other.joined, other.is_changed = {}, False
        if not other.number:
            self.tally.clusters -= 1
        else:
            self._gone.append(other.number)
            self.tally.merged += 1
        return home

    def write(self) -> None:
        changed = [group for group in set(self._groups.values()) if group.is_changed]
        changed.sort(key=lambda group: (group.number, min(group.joined, default=0)))
        new = [group for group in changed if not group.number]
        _change([group for group in changed if group.number])
        _create(new)
        _write_items(changed, self._digests)
        Cluster.objects.filter(pk__in=self._gone).delete()


# --- Read ------------------------------------------------------------------------------------------


def _looks(media: Iterable[int]) -> dict[int, Look]:
    """Of those that live."""
    rows = Fingerprint.objects.filter(media__in=list(media), media__deleted_at=None)
    return {pk: Look(_number(dhash), sha) for pk, dhash, sha in rows.values_list("media", "dhash256", "media_sha256")}


def _groups(looks: dict[int, Look]) -> dict[int, Group]:
    """The clusters that these media are in, by media; locked until the transaction ends."""
    items = ClusterItem.objects.filter(media__in=list(looks))
    digests = dict(items.values_list("media", "media_sha256"))
    leave([media for media, sha256 in digests.items() if sha256 != looks[media].sha256])
    ids = sorted(set(items.values_list("cluster", flat=True)))
    locked = Cluster.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    groups = {cluster.pk: _group(cluster) for cluster in locked}
    _fill({pk: group for pk, group in groups.items() if group.members is not None})
    by_media = {}
    for media, cluster_id, sha256 in items.filter(cluster__in=groups).values_list("media", "cluster", "media_sha256"):
        by_media[media] = groups[cluster_id]
        if groups[cluster_id].sha256:
            groups[cluster_id].sha256 = sha256
    return by_media


def _group(cluster: Cluster) -> Group:
    return Group(
        centre=_number(cluster.centre),
        number=cluster.pk,
        reach=cluster.reach,
        size=cluster.size,
        members={} if cluster.size <= CLOSE else None,
        sha256="same" if cluster.kind == Cluster.Kind.EXACT else "",
        is_decided=bool(cluster.decision),
        is_frozen=cluster.kind == Cluster.Kind.FROZEN,
    )


def _fill(groups: dict[int, Group]) -> None:
    rows = Fingerprint.objects.filter(media__cluster_item__cluster__in=list(groups))
    names = ("media__cluster_item__cluster", "media", "dhash256", "media_sha256")
    for cluster_id, media, dhash, sha256 in rows.values_list(*names):
        if (members := groups[cluster_id].members) is not None:
            members[media] = Look(_number(dhash), sha256)


def _number(fingerprint: Any) -> int:
    return int.from_bytes(bytes(fingerprint))


# --- Written ---------------------------------------------------------------------------------------


def _create(groups: list[Group]) -> None:
    made = Cluster.objects.bulk_create(
        [Cluster(centre=group.centre.to_bytes(32), **_columns(group)) for group in groups]
    )
    for group, cluster in zip(groups, made, strict=True):
        group.number = cluster.pk


def _change(groups: list[Group]) -> None:
    now = timezone.now()
    for group in groups:
        looks = {"awaits": True} if group.joined else {}
        Cluster.objects.filter(pk=group.number).update(
            version=F("version") + 1, updated_at=now, **_columns(group), **looks
        )


def _columns(group: Group) -> dict[str, Any]:
    exact = Cluster.Kind.EXACT if group.sha256 else Cluster.Kind.NEAR
    kind = Cluster.Kind.FROZEN if group.is_frozen else exact
    return {"kind": kind, "reach": group.reach, "size": group.size}


def _write_items(groups: list[Group], digests: dict[int, str]) -> None:
    """Also those that are moved from one cluster to another."""
    items = [
        ClusterItem(
            cluster_id=group.number,
            media_id=media,
            media_sha256=digests[media],
            distance=distance,
            is_new=group.is_decided,
        )
        for group in groups
        for media, distance in group.joined.items()
    ]
    columns = ["cluster", "media_sha256", "distance", "is_new", "created_at"]
    ClusterItem.objects.bulk_create(items, update_conflicts=True, unique_fields=["media"], update_fields=columns)
