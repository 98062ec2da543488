"""Who does something, by which door: handed to every action, written into every audit entry."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import Access, ApiToken


@dataclass(frozen=True, slots=True)
class Actor:
    """access is None where no person is behind it: a command on the server, a job."""

    access: Access | None
    door: str  # "api" | "admin" | "command" | "job"
    token: ApiToken | None = None
    request_id: str = ""

    @property
    def login(self) -> str:
        return self.access.login if self.access else ""


def command() -> Actor:
    """Whoever may run manage.py on the server."""
    return Actor(access=None, door="command")
