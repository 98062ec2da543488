"""What a curator decides about a cluster. It deletes nothing: whoever makes a training set asks what is left out."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.actions.audit import record
from accounts.actor import Actor
from accounts.refusals import Conflict, Invalid
from curation.models import Cluster, ClusterItem

Decision = Cluster.Decision
FASTER = "The cluster changed since you looked at it; look again."


def decide(cluster: Cluster, decision: str, *, kept: int | None = None, by: Actor) -> Cluster:
    """Decide about all media that are in the cluster now, or otherwise than before. kept: the media, with keep_one.

    Raises Conflict, Invalid.
    """
    if (decision == Decision.KEEP_ONE) != (kept is not None):
        raise Invalid("is needed with keep_one, and with nothing else", "body", "kept")
    with transaction.atomic():
        living = ClusterItem.objects.filter(cluster=cluster, media__deleted_at=None)
        if kept is not None and not living.filter(media=kept).exists():
            raise Invalid("is no media of this cluster", "body", "kept")
        told = {"decision": decision, "kept_id": kept, "decided_by": by.access, "decided_at": timezone.now()}
        _change(cluster, "cluster.decide", told | {"awaits": False}, by)
        ClusterItem.objects.filter(cluster=cluster, is_new=True).update(is_new=False)
    return cluster


def undo(cluster: Cluster, *, by: Actor) -> Cluster:
    """Take a decision back: nothing is decided then, and the history keeps what was. Raises Conflict."""
    if not cluster.decision:
        raise Conflict("Nothing is decided about this cluster.")
    with transaction.atomic():
        nothing = {"decision": "", "kept_id": None, "decided_by": None, "decided_at": None, "awaits": True}
        _change(cluster, "cluster.undo", nothing, by)
        ClusterItem.objects.filter(cluster=cluster, is_new=True).update(is_new=False)
    return cluster


def _change(cluster: Cluster, action: str, columns: dict[str, Any], by: Actor) -> None:
    """Write it, when the cluster is still as it was read."""
    before = {"decision": cluster.decision, "kept": cluster.kept_id, "media": cluster.size}
    changed = columns | {"updated_at": timezone.now()}
    same = Cluster.objects.filter(pk=cluster.pk, version=cluster.version)
    if not same.update(version=F("version") + 1, **changed):
        raise Conflict(FASTER)
    for name, value in (changed | {"version": cluster.version + 1}).items():
        setattr(cluster, name, value)
    after = {"decision": cluster.decision, "kept": cluster.kept_id, "media": cluster.size}
    record(action, cluster, by=by, before=before, after=after)
