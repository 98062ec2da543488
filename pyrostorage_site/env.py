"""Typed readers of the environment.

A value that makes no sense stops the start with one sentence that names the variable and never
shows the value (it may be a secret). `.env` is read with django-environ; the environment wins.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

Network = IPv4Network | IPv6Network

SHORTEST_SECRET = 50  # characters, as Django's own check wants them
WELL_KNOWN = ("change", "secret", "insecure", "example", "default", "password", "development", "0123456789")


def read_file(path: Path) -> None:
    """Add the lines of a `.env` file to the environment; what is set already stays."""
    if path.is_file():
        environ.Env.read_env(str(path), overwrite=False)


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def text_or_none(name: str, default: str) -> str:
    """As `text`, where an empty value is one: it means none, and not the default."""
    value = os.environ.get(name)
    return default if value is None else value.strip()


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    if value:
        raise ImproperlyConfigured(f"{name} must be 1 or 0.")
    return default


def whole(name: str, *, default: int, least: int = 1, most: int = 2**40) -> int:
    value = text(name)
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}.")
    return int(value)


def choice(name: str, known: tuple[str, ...], default: str) -> str:
    value = text(name, default)
    if value not in known:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(known)}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list; blanks around the commas do not count."""
    return [word for word in (part.strip() for part in text(name, default).split(",")) if word]


def url(name: str, *, schemes: tuple[str, ...], default: str = "") -> str:
    """An address with one of `schemes`, without a slash at the end; "" when not set."""
    value = text(name, default).rstrip("/")
    if value and (urlsplit(value).scheme not in schemes or not urlsplit(value).netloc):
        raise ImproperlyConfigured(f"{name} must be an address that begins with {' or '.join(schemes)}://.")
    return value


def networks(name: str) -> list[Network]:
    try:
        return [ip_network(word, strict=False) for word in words(name)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a list of IP addresses or networks, such as 10.0.0.0/8.") from error


def is_weak_secret(value: str) -> bool:
    """Too short, too uniform, or written in some documentation."""
    lowered = value.lower()
    return len(value) < SHORTEST_SECRET or len(set(value)) < 12 or any(word in lowered for word in WELL_KNOWN)


def secret_key(*, keep_in: Path, may_generate: bool) -> str:
    """SECRET_KEY as given; without one, a random key kept in `keep_in` (mode 600), made once.

    A key made here would differ from host to host, so where a database server or a bucket is
    shared (`may_generate` false) it must be given, and be neither short nor well known.
    """
    given = text("SECRET_KEY")
    if given and not is_weak_secret(given):
        return given
    if given:
        raise ImproperlyConfigured(
            f"SECRET_KEY is too short or well known; give at least {SHORTEST_SECRET} random characters: "
            'python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
        )
    if not may_generate:
        raise ImproperlyConfigured(
            "SECRET_KEY must be set where DATABASE_URL or BUCKET_NAME is: "
            'python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
        )
    return _generated_key(keep_in)


def _generated_key(path: Path) -> str:
    """Read the key at `path`, making it first where there is none; safe when several start at once."""
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:  # mode 600
                file.write(secrets.token_urlsafe(50))
            _publish(Path(file.name), path)
        except OSError as error:
            raise ImproperlyConfigured(f"DATA_DIR cannot be written: {error.strerror}.") from error
    key = path.read_text().strip()
    if len(key) < SHORTEST_SECRET:
        raise ImproperlyConfigured(f"The key kept in {path.name} is damaged; remove the file to have a new one made.")
    return key


def _publish(temporary: Path, path: Path) -> None:
    """Give the whole file its name at once; whoever came first wins."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
