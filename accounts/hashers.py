"""Password hashing: argon2id for ours, bcrypt for those of an adopted pyro-storage until their next login."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher, BCryptPasswordHasher


class Argon2(Argon2PasswordHasher):
    """argon2id with OWASP's second recommendation (19 MiB, 2 passes): Django's default takes 100 MB a login.

    Source: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
    """

    time_cost = 2
    memory_cost = 19_456  # KiB
    parallelism = 1


class AdoptedBcrypt(BCryptPasswordHasher):
    """passlib's "$2b$12$..." hashes, stored as `bcrypt$$2b$12$...`.

    bcrypt looks at the first 72 bytes only, and bcrypt 5 raises for longer input where passlib cut it: so do we.
    """

    def encode(self, password: str, salt: bytes) -> str:  # type: ignore[override]
        import bcrypt  # only those who adopted hashes need it

        return f"{self.algorithm}${bcrypt.hashpw(password.encode()[:72], salt).decode('ascii')}"
