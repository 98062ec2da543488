"""What was asked of an import."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from accounts.actor import Actor


@dataclass(frozen=True, slots=True)
class Asked:
    """by: who owns what is made (nobody: no access), and by which door. organisation_id: whose it is."""

    by: Actor
    organisation_id: int | None = None
    source: str = ""  # given text for Media.source; "": as the names say
    parallel: int = 4  # transfers to the store at a time
    dry_run: bool = False

    def identity(self, sha256: str, name: str) -> str:
        """What makes a file the same as one that was imported before, as 64 hex digits."""
        whose = str(self.organisation_id or "")
        return hashlib.sha256(f"{whose}\0{sha256}\0{name}".encode()).hexdigest()
