"""Clusters while media join them: who fits, and which of two becomes part of the other.

No two media of a cluster differ in more than WIDEST bits, however long the chain of likenesses between them. Of a
cluster of at most CLOSE media, a media that joins is compared with each; of a larger one, with its centre alone: what
is near enough to that is near enough to all that stand around it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from curation.models.cluster import WIDEST

CLOSE = 100  # media of a cluster whose fingerprints are at hand


@dataclass(slots=True)
class Look:
    """What is known of a media. sha256: of its bytes."""

    fingerprint: int
    sha256: str


@dataclass(slots=True, eq=False)
class Group:
    """A cluster, or one that is about to be. members: None when there are more than CLOSE."""

    centre: int
    number: int = 0  # of the row, 0 until there is one
    reach: int = 0
    size: int = 0
    members: dict[int, Look] | None = field(default_factory=dict)
    sha256: str = ""  # of all its media, "" when they differ
    is_decided: bool = False
    is_frozen: bool = False
    is_changed: bool = False
    joined: dict[int, int] = field(default_factory=dict)  # media that are to be written, with their distances

    def fits(self, fingerprint: int) -> bool:
        """Whether it differs in at most WIDEST bits from everything here."""
        distance = self.distance(fingerprint)
        if distance + self.reach <= WIDEST:
            return True
        if self.members is None or distance > WIDEST:
            return False
        return all((other.fingerprint ^ fingerprint).bit_count() <= WIDEST for other in self.members.values())

    def distance(self, fingerprint: int) -> int:
        return (self.centre ^ fingerprint).bit_count()

    def add(self, media: int, look: Look) -> None:
        distance = self.distance(look.fingerprint)
        self.sha256 = look.sha256 if not self.size or self.sha256 == look.sha256 else ""
        self.reach = max(self.reach, distance)
        self.size += 1
        self.joined[media] = distance
        self.is_changed = True
        if self.members is not None:
            self.members[media] = look
            if self.size > CLOSE:
                self.members = None


def home_of(one: Group, other: Group) -> tuple[Group, Group]:
    """Which of two stays, and which one becomes part of it: what was decided stays, then what is larger, or older."""
    one, other = sorted((one, other), key=lambda group: (not group.is_decided, -group.size, group.number))
    return one, other


def can_take_in(home: Group, other: Group) -> bool:
    """Whether all of `other` fit into `home`. What was decided, and what is too large, stays apart."""
    if other.is_decided or other.members is None or len(other.members) < other.size:
        return False
    return all(home.fits(look.fingerprint) for look in other.members.values())
