"""Rules for new passwords (adopted ones may break them until they are changed)."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from accounts.models import Access
from accounts.names import fold

SHORTEST, LONGEST = 8, 4096  # characters


class LengthValidator:
    def validate(self, password: str, user: Access | None = None) -> None:
        if len(password) < SHORTEST:
            raise ValidationError(f"A password has at least {SHORTEST} characters.", code="too_short")
        if len(password) > LONGEST:
            raise ValidationError(f"A password has at most {LONGEST} characters.", code="too_long")
        if "\0" in password:
            raise ValidationError("A password cannot hold a NUL character.", code="nul")

    def get_help_text(self) -> str:
        return f"{SHORTEST} to {LONGEST} characters."


class NotTheLoginValidator:
    def validate(self, password: str, user: Access | None = None) -> None:
        if user is not None and fold(password) == fold(user.login):
            raise ValidationError("The password must differ from the login.", code="is_login")

    def get_help_text(self) -> str:
        return "Not the login itself."
