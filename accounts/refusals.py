"""One family of refusals.

Each is a sentence for a person; the doors turn it into a status, a message or an exit code.
"""

from __future__ import annotations


class Refusal(Exception):
    """Something was asked that is not done; nothing has changed."""


class Missing(Refusal):
    """What was asked for is not there."""


class NotFound(Missing):
    """No such row."""

    def __init__(self, table: str, row_id: object) -> None:
        super().__init__(f"Table {table} has no entry with id={row_id}")


class NotYours(Refusal):
    """The row exists, or may not; this access may not know."""

    def __init__(self) -> None:
        super().__init__("This access can't read resources")


class ScopeRefused(Refusal):
    """The scope, or the token, lacks the right."""

    def __init__(self) -> None:
        super().__init__("Your access scope is not compatible with this operation.")


class NotAuthenticated(Refusal):
    """Nobody we know is asking."""


class Conflict(Refusal):
    """The present state does not allow it, or somebody else was faster."""


class Stale(Refusal):
    """The caller looked at an older version (If-Match)."""


class Invalid(Refusal):
    """A value that cannot be. `where` is its path, such as ("body", "login")."""

    def __init__(self, message: str, *where: str | int, kind: str = "value_error") -> None:
        super().__init__(message)
        self.where = where or ("body",)
        self.kind = kind


class TooLarge(Refusal):
    """More bytes or pixels than the limit."""


class NotSupported(Refusal):
    """Content that is not what the row promises."""


class Busy(Refusal):
    """Something we depend on does not answer now; the same request later may work."""

    def __init__(self, message: str, *, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Full(Refusal):
    """No room left on the disk."""


class TooMany(Refusal):
    """Too often in too short a time."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
